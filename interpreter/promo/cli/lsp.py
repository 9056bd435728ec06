"""`promo lsp`: the language server for editors."""

from argparse import Namespace
from importlib.util import find_spec

from promo.base.errors import ExitCode, PromoError


def lsp(_: Namespace) -> int:
    """Serve an editor on standard input and output."""
    if find_spec("pygls") is None:
        hint = "install it with: pip install 'promo-lang[lsp]'"
        raise PromoError("the language server needs the package pygls, which is not installed", hint=hint)
    from promo.server.serve import serve

    serve()
    return ExitCode.DONE
