"""The life cycles of the core kinds: what kube-apiserver's strategies and built-in admission plugins do to them."""
