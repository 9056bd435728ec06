"""
The server: protocol in, documents and answers out, over standard input and output.

A change after a pause is checked at once; changes that follow each other quickly wait until none has come for 50 ms.
The check reads the text as it then is, so a version that has been overtaken is never reported.  Texts come whole:
they are small, and both sides then agree on what a line is.
"""

import asyncio
import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from promo import __version__
from promo.base.errors import PromoError, SpecError
from promo.base.source import Source
from promo.files import read_source
from promo.server.act import FREEZE, actions
from promo.server.colour import LEGEND, colour
from promo.server.complete import complete
from promo.server.diagnose import diagnose
from promo.server.document import Document, open_document
from promo.server.hints import hints
from promo.server.hover import hover
from promo.server.navigate import Refused, definition, references, rename, renameable
from promo.server.outline import outline
from promo.server.values import Positions
from promo.syntax.format import format_text

PAUSE_S = 0.05
MANY_OBJECTS = 100_000
"""New objects between two collections; a long text makes several times as many, and nearly all of them stay."""
REQUEST_FAILED = -32803
"""LSP 3.17, `RequestFailed`: a request that was understood and cannot be carried out."""

Answer = TypeVar("Answer")

RUN = "import sys; from promo.cli.main import main; sys.exit(main(sys.argv[1:]))"


class Desk:
    """The open texts, each compiled at most once for every version, and the checks that wait."""

    def __init__(self, server: LanguageServer) -> None:
        self.server = server
        self.documents: dict[str, Document] = {}
        self.waiting: dict[str, asyncio.TimerHandle] = {}
        self.checked: dict[str, float] = {}
        """When a text was last checked, on the loop's clock."""

    def path(self, uri: str) -> Path | None:
        """The file of a text, if it has one."""
        place = to_fs_path(uri)
        return Path(place) if place and uri.startswith("file:") else None

    def text(self, uri: str) -> str:
        """A text as the editor has it now."""
        return str(self.server.workspace.get_text_document(uri).source)

    def encoding(self) -> str:
        """How the editor counts columns."""
        encoding = self.server.workspace.position_encoding
        return str(getattr(encoding, "value", encoding) or "utf-16")

    def document(self, uri: str) -> Document:
        """A text through every pass."""
        version = self.server.workspace.get_text_document(uri).version
        known = self.documents.get(uri)
        if known is None or known.version != version:
            known = open_document(uri, self.path(uri), self.text(uri), version, self.encoding())
            self.documents[uri] = known
        return known

    def latest(self, uri: str) -> Document:
        """The version that was compiled last, which may be one behind; the names in it are good enough to offer."""
        return self.documents.get(uri) or self.document(uri)

    def changed(self, uri: str) -> None:
        """Check a text: at once after a pause, else when a pause comes."""
        loop = asyncio.get_running_loop()
        self.forget(uri)
        quiet = loop.time() - self.checked.get(uri, -PAUSE_S) >= PAUSE_S
        self.waiting[uri] = loop.call_later(0 if quiet else PAUSE_S, self.check, uri)

    def forget(self, uri: str) -> None:
        """Drop a check that waits."""
        waiting = self.waiting.pop(uri, None)
        if waiting is not None:
            waiting.cancel()

    def check(self, uri: str) -> None:
        """Tell the editor what is wrong with a text."""
        self.waiting.pop(uri, None)
        document = self.document(uri)
        self.checked[uri] = asyncio.get_running_loop().time()
        self.publish(uri, document.version, diagnose(document))

    def publish(self, uri: str, version: int | None, found: list[types.Diagnostic]) -> None:
        """Send diagnostics."""
        self.server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found, version))

    def recheck(self) -> None:
        """Check every open text again: a lock, or a file that they use, may be another one now."""
        for uri in list(self.documents):
            del self.documents[uri]
            self.changed(uri)

    def close(self, uri: str) -> None:
        """Forget a text; what was wrong with it is no longer shown."""
        self.forget(uri)
        self.documents.pop(uri, None)
        self.checked.pop(uri, None)
        self.publish(uri, None, [])

    def offset(self, uri: str, position: types.Position) -> int:
        """A place of the compiled text."""
        return self.document(uri).positions.offset(position)


def make_server() -> LanguageServer:
    """A server with every feature, not yet connected to anything."""
    server = LanguageServer("promo", __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full)
    desk = Desk(server)
    _watch(server, desk)
    _read(server, desk)
    _change(server, desk)
    return server


def serve() -> None:
    """Serve one editor on standard input and output until it says goodbye."""
    server = make_server()
    gc.freeze()  # what was imported stays; looking through it again and again would double the time of a check
    gc.set_threshold(MANY_OBJECTS)
    server.start_io()


def _watch(server: LanguageServer, desk: Desk) -> None:
    """What the editor tells."""

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        desk.changed(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        desk.changed(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(_: types.DidSaveTextDocumentParams) -> None:
        desk.recheck()

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files_changed(_: types.DidChangeWatchedFilesParams) -> None:
        desk.recheck()

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        desk.close(params.text_document.uri)


def _read(server: LanguageServer, desk: Desk) -> None:
    """What the editor asks without changing anything."""

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hovered(params: types.HoverParams) -> types.Hover | None:
        uri = params.text_document.uri
        return hover(desk.document(uri), desk.offset(uri, params.position))

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=[" ", ","]))
    def completed(params: types.CompletionParams) -> list[types.CompletionItem]:
        uri = params.text_document.uri
        text = desk.text(uri)
        return complete(desk.latest(uri), text, Positions(text, desk.encoding()).offset(params.position))

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def defined(params: types.DefinitionParams) -> types.Location | None:
        uri = params.text_document.uri
        return definition(desk.document(uri), desk.offset(uri, params.position), desk.path(uri))

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    def referred(params: types.ReferenceParams) -> list[types.Location]:
        uri = params.text_document.uri
        wanted = params.context.include_declaration
        return references(desk.document(uri), desk.offset(uri, params.position), declaration=wanted)

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def symbols(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        return outline(desk.document(params.text_document.uri))

    @server.feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, LEGEND)
    def coloured(params: types.SemanticTokensParams) -> types.SemanticTokens:
        return types.SemanticTokens(colour(desk.document(params.text_document.uri)))

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    def hinted(params: types.InlayHintParams) -> list[types.InlayHint]:
        document = desk.document(params.text_document.uri)
        start, end = (document.positions.offset(at) for at in (params.range.start, params.range.end))
        return hints(document, start, end)


def _change(server: LanguageServer, desk: Desk) -> None:
    """What changes a text."""

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def renaming(params: types.PrepareRenameParams) -> types.Range:
        uri = params.text_document.uri
        return _allowed(lambda: renameable(desk.document(uri), desk.offset(uri, params.position)))

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    def renamed(params: types.RenameParams) -> types.WorkspaceEdit:
        uri = params.text_document.uri
        offset = desk.offset(uri, params.position)
        return _allowed(lambda: rename(desk.document(uri), offset, params.new_name, desk.path(uri)))

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def formatted(params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        uri = params.text_document.uri
        text = desk.text(uri)
        laid_out = format_text(Source(uri, text))
        if laid_out is None or laid_out == text:  # a text that cannot be read stays as it is; its errors are shown
            return []
        return [types.TextEdit(Positions(text, desk.encoding()).whole(), laid_out)]

    kinds = [types.CodeActionKind.QuickFix, types.CodeActionKind.RefactorRewrite]

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=kinds))
    def acted(params: types.CodeActionParams) -> list[types.CodeAction]:
        document = desk.document(params.text_document.uri)
        start, end = (document.positions.offset(at) for at in (params.range.start, params.range.end))
        return actions(document, start, end)

    @server.command(FREEZE)
    async def freeze(uri: str) -> str:
        said = await _freeze(desk, uri)
        server.window_show_message(types.ShowMessageParams(types.MessageType.Info, said))
        desk.recheck()
        return said


def _allowed(change: Callable[[], Answer]) -> Answer:
    """Carry a change out, or say why not as the protocol does."""
    try:
        return change()
    except Refused as fault:
        raise JsonRpcException(str(fault), REQUEST_FAILED) from fault


def _is_saved(path: Path, text: str) -> bool:
    try:
        return read_source(path).text == text
    except (PromoError, SpecError):
        return False


async def _freeze(desk: Desk, uri: str) -> str:
    """
    Run `promo freeze` on a file as it is saved; it writes the seals and the lock together.

    Returns:
        What the command said.

    Raises:
        JsonRpcException: the text is not saved, or the command refused.
    """
    path = desk.path(uri)
    if path is None or not _is_saved(path, desk.text(uri)):
        raise JsonRpcException("save the file first: promo freeze seals what is on disk", REQUEST_FAILED)
    pipe = asyncio.subprocess.PIPE
    words = (sys.executable, "-c", RUN, "freeze", path.name)
    process = await asyncio.create_subprocess_exec(*words, cwd=path.parent, stdin=None, stdout=pipe, stderr=pipe)
    told, complaint = await process.communicate()
    if process.returncode:
        raise JsonRpcException(complaint.decode(errors="replace").strip(), REQUEST_FAILED)
    return told.decode(errors="replace").strip()
