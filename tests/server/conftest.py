"""Documents to ask, and one real server for all tests that speak the protocol."""

import os
import shutil
import sys
from pathlib import Path

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities, make_test_lsp_client

from support import opened

SPECS = Path(__file__).parents[2] / "specs"
PROMO = [sys.executable, "-c", "from promo.cli.main import entry; entry()"]


@pytest.fixture(scope="session")
def staged():
    """The published study with its lock."""
    path = SPECS / "staged_promotion.promo"
    return opened(path.read_text(encoding="utf-8"), path)


@pytest.fixture
def staged_file(tmp_path):
    """A copy of the published study and its lock."""
    for name in ("staged_promotion.promo", "staged_promotion.lock.json"):
        shutil.copy(SPECS / name, tmp_path / name)
    return tmp_path / "staged_promotion.promo"


class Told(dict):
    """Diagnostics by text, and every report in the order in which it came."""

    def __init__(self):
        self.history = []

    def __setitem__(self, uri, found):
        self.history.append((uri, list(found)))
        super().__setitem__(uri, list(found))


def make_client():
    """The client of pytest-lsp, which remembers every report."""
    client = make_test_lsp_client()
    client.diagnostics = Told()
    return client


CONFIG = ClientServerConfig(server_command=[*PROMO, "lsp"], server_env=dict(os.environ), client_factory=make_client)


@pytest_lsp.fixture(scope="session", config=CONFIG)
async def client(lsp_client: LanguageClient):
    """A client with the abilities of VS Code, connected to `promo lsp` over standard input and output."""
    capabilities = client_capabilities("visual-studio-code")
    await lsp_client.initialize_session(types.InitializeParams(capabilities=capabilities))

    yield

    await lsp_client.shutdown_session()
