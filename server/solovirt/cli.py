"""
The command `solovirt`.

`up` is for people: it makes whatever is missing, serves, and says what to type next. `serve` is for service managers: it serves what `migrate`
has prepared and refuses to run on a database of another version. Exit codes: 0 after a clean stop, 1 when something could not be
done (one line on standard error says what), 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import solovirt
from solovirt import operations
from solovirt.settings import Settings, SettingsError, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solovirt.control_plane import ControlPlane


class CommandError(Exception):
    """What was asked for can't be done; the text is for the user."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="solovirt", description="KubeVirt's API, solo: a control plane for virtual machines without Kubernetes."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="make what is missing, serve, and say what to type next")
    serve = commands.add_parser("serve", help="serve, from a database that `migrate` has prepared")
    for command in (up, serve):
        _add_settings(command)
    migrate = commands.add_parser("migrate", help="create the database's tables, or bring them up to this version")
    _add_settings(migrate, only=("data_dir", "database_url", "database_password_file"))
    kubeconfig = commands.add_parser(
        "kubeconfig", help="print the administrator's kubeconfig, or make one for another user"
    )
    _add_settings(kubeconfig, only=("data_dir", "pki_dir", "listen", "public_url", "insecure_http"))
    kubeconfig.add_argument(
        "--user", metavar="NAME", help="issue a client certificate to this user, who holds nothing yet"
    )
    kubeconfig.add_argument(
        "--group", metavar="GROUP", action="append", default=[], help="a group that the user is in; may be repeated"
    )
    _add_operations(commands)
    health = commands.add_parser("health", help="ask the control plane on this machine whether it is ready")
    _add_settings(health, only=("data_dir", "pki_dir", "listen", "insecure_http"))
    openapi = commands.add_parser("openapi", help="write the OpenAPI documents of all built-in kinds into a directory")
    openapi.add_argument("directory", type=Path)
    commands.add_parser("version", help="print the version")
    return parser


def _add_operations(commands: Any) -> None:
    """What is done to a database: backup, restore, check, vacuum."""
    where = ("data_dir", "database_url", "database_password_file", "pki_dir")
    backup = commands.add_parser(
        "backup", help="write everything the database holds, and the keys, into a file; servers may run"
    )
    restore = commands.add_parser("restore", help="put a backup into the database; no server may run on it")
    for command in (backup, restore):
        command.add_argument("file", type=Path)
        _add_settings(command, only=where)
    restore.add_argument("--replace", action="store_true", help="have what is in the database go")
    check = commands.add_parser("check", help="look whether the database is whole; servers may run")
    vacuum = commands.add_parser("vacuum", help="give back the space of what was deleted; on SQLite, no server may run")
    for command in (check, vacuum):
        _add_settings(command, only=where[:3])


def _add_settings(command: argparse.ArgumentParser, *, only: Sequence[str] = ()) -> None:
    """One flag for each setting, named and described as the setting is; unset ones leave the say to environment and file."""
    command.add_argument("--config", type=Path, help="settings file (YAML)")
    for name, field in Settings.model_fields.items():
        if only and name not in only:
            continue
        flag = "--" + name.replace("_", "-")
        help_text = (field.description or "").replace("%", "%%")
        if field.annotation is bool:
            command.add_argument(
                flag, dest=name, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=help_text
            )
        elif name == "tls_names":
            command.add_argument(flag, dest=name, nargs="*", default=argparse.SUPPRESS, metavar="NAME", help=help_text)
        elif name == "libvirt_uri":
            command.add_argument(
                flag, dest=name, action="append", default=argparse.SUPPRESS, metavar="URI", help=help_text
            )
        else:
            command.add_argument(flag, dest=name, default=argparse.SUPPRESS, metavar=name.upper(), help=help_text)


def _settings(arguments: argparse.Namespace) -> Settings:
    flags: dict[str, Any] = {name: value for name, value in vars(arguments).items() if name in Settings.model_fields}
    return load(flags, config=arguments.config)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        match arguments.command:
            case "version":
                print(f"solovirt {solovirt.__version__}")
            case "up":
                _serve(_settings(arguments), prepare=True)
            case "serve":
                _serve(_settings(arguments), prepare=False)
            case "migrate":
                _migrate(_settings(arguments))
            case "kubeconfig":
                settings = _settings(arguments)
                if arguments.user:
                    _user_kubeconfig(settings, arguments.user, tuple(arguments.group))
                elif arguments.group:
                    raise CommandError("--group says what groups a --user is in")
                else:
                    _kubeconfig(settings)
            case "openapi":
                _openapi(arguments.directory)
            case _:
                print(_operate(arguments, _settings(arguments)))
    except (CommandError, SettingsError, operations.OperationError) as error:
        print(f"solovirt: {error}", file=sys.stderr)
        return 1
    return 0


def _operate(arguments: argparse.Namespace, settings: Settings) -> str:
    """Do something with a running control plane or a database; what came of it."""
    match arguments.command:
        case "backup":
            return operations.back_up(settings, arguments.file)
        case "restore":
            return operations.restore(settings, arguments.file, replace=arguments.replace)
        case "check":
            return operations.check(settings)
        case "vacuum":
            return operations.vacuum(settings)
    return operations.health(settings)


def _serve(settings: Settings, *, prepare: bool) -> None:
    from solovirt import logs
    from solovirt.control_plane import StartError

    logs.configure(level=settings.log_level, format=settings.log_format)
    with contextlib.suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        asyncio.run(_run(settings, prepare=prepare))
    except StartError as error:
        raise CommandError(str(error)) from error


async def _run(settings: Settings, *, prepare: bool) -> None:
    from solovirt import garbage
    from solovirt.control_plane import ControlPlane

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    control_plane = ControlPlane(settings, prepare=prepare)
    starting = asyncio.create_task(control_plane.start())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
    try:
        await starting
        garbage.settle()
        _announce(control_plane, people=prepare)
        await stopping
    except asyncio.CancelledError:
        # A signal came while starting; there is nothing to report, only to clean up.
        if not stop.is_set():
            raise
    finally:
        stopping.cancel()
        operations.notify_service_manager("STOPPING=1")
        await control_plane.stop()


def _announce(control_plane: ControlPlane, *, people: bool) -> None:
    print(f"solovirt is ready: {control_plane.url} (kubeconfig {control_plane.kubeconfig_path})", flush=True)
    operations.notify_service_manager("READY=1")
    if people:
        print(
            "\nIn another terminal:\n\n"
            f"  export KUBECONFIG={control_plane.kubeconfig_path}\n"
            "  kubectl get nodes,vms,vmis,dv -A\n"
            "  kubectl apply -f examples/\n"
            "  kubectl get vm -w\n\n"
            "Ctrl-C stops the server; everything is kept in "
            f"{control_plane.settings.data_dir} and there again at the next start.",
            flush=True,
        )


def _migrate(settings: Settings) -> None:
    from solovirt.machinery.store import migrate
    from solovirt.machinery.store.dialect import DatabaseFailed, DatabaseInUse, DatabaseUnavailable

    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        asyncio.run(migrate.upgrade(settings.store_url))
    except OSError as error:
        raise CommandError(f"the data directory {settings.data_dir} can't be made: {error.strerror}") from error
    except (ValueError, migrate.SchemaNotCurrent, DatabaseInUse, DatabaseUnavailable, DatabaseFailed) as error:
        raise CommandError(str(error)) from error
    print("the database is up to date")


def _kubeconfig(settings: Settings) -> None:
    from solovirt import kubeconfig

    if settings.kubeconfig_path.exists():
        print(settings.kubeconfig_path.read_text(), end="")
        return
    pki = settings.pki_path
    if not (pki / "admin.token").exists():
        raise CommandError(f"{settings.data_dir} holds no control plane yet; `solovirt up` makes one")
    scheme = "http" if settings.insecure_http else "https"
    print(
        kubeconfig.render(
            settings.public_url or f"{scheme}://{settings.listen}",
            authority_pem=(pki / "ca.crt").read_bytes(),
            token=(pki / "admin.token").read_text().strip(),
        ),
        end="",
    )


def _user_kubeconfig(settings: Settings, name: str, groups: tuple[str, ...]) -> None:
    from solovirt import kubeconfig, pki

    if settings.insecure_http:
        raise CommandError(
            "a plain HTTP control plane takes everybody for the administrator; `kubectl --as` works there"
        )
    directory = settings.pki_path
    if not (directory / "ca.key").exists():
        raise CommandError(f"{settings.data_dir} holds no control plane yet; `solovirt up` makes one")
    try:
        certificate, key = pki.issue_client_certificate(directory, name, groups)
    except ValueError as error:
        # Names in certificates are of at most 64 characters.
        raise CommandError(f"no certificate can name this user: {error}") from error
    # The administrator's kubeconfig knows the port that is really listened on.
    path = settings.kubeconfig_path
    url = kubeconfig.server_of(path.read_text()) if path.exists() else f"https://{settings.listen}"
    print(
        kubeconfig.render(
            url,
            authority_pem=(directory / "ca.crt").read_bytes(),
            user=name,
            certificate_pem=certificate,
            key_pem=key,
        ),
        end="",
    )


def _openapi(directory: Path) -> None:
    from solovirt.kinds.published import documents_of_openapi

    for path, content in documents_of_openapi().items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
