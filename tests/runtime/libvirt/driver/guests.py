"""Guests that are made on the spot."""

from __future__ import annotations

from pathlib import Path

GREETING = "HELLO-FROM-BOOT-SECTOR"


def boot_sector(text: str = GREETING) -> bytes:
    """512 bytes that write *text* to the first serial port and the screen, and halt (reference libvirt-here.md 3a)."""
    code = bytearray(
        [
            *(0xFA, 0x31, 0xC0, 0x8E, 0xD8, 0xFC, 0xBE, 0, 0),  # cli; ax=0; ds=ax; cld; mov si, text
            *(0xAC, 0x84, 0xC0, 0x74, 0x0F),  # next: lodsb; test al,al; jz halt
            *(0x50, 0xBA, 0xF8, 0x03, 0xEE, 0x58),  # push ax; out 0x3f8,al; pop ax
            *(0xB4, 0x0E, 0xBB, 7, 0, 0xCD, 0x10, 0xEB, 0xEC),  # the BIOS' teletype; jmp next
            *(0xFB, 0xF4, 0xEB, 0xFD),  # halt: sti; hlt; jmp halt
        ]
    )
    code[7:9] = (0x7C00 + len(code)).to_bytes(2, "little")
    return (bytes(code) + f"{text}\r\n".encode() + b"\0").ljust(510, b"\0") + b"\x55\xaa"


def boot_sector_disk(path: Path, text: str = GREETING) -> Path:
    """A raw disk of 1 MiB that boots to *text*."""
    path.write_bytes(boot_sector(text).ljust(1 << 20, b"\0"))
    return path


LINUX_KERNEL, LINUX_INITRD, LINUX_DISK = (
    Path(__file__).parents[4] / ".tools" / "guest" / name for name in ("vmlinuz", "initrd.gz", "disk.qcow2")
)
"""A Linux made by scripts/guest-tools: root logs in on the serial port without a password, and an agent answers."""
