"""`promo serve`: the report of a study, live, for a browser on this machine only."""

import json
from argparse import Namespace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from promo.base.diagnostics import errors
from promo.base.errors import ExitCode, PromoError, SpecError
from promo.base.visible import visible
from promo.cli.places import study_of
from promo.cli.terminal import put
from promo.driver.pipeline import Compiled
from promo.driver.study import LEDGER, StudyFolder
from promo.ledger.state import State, StudyState

HOST = "127.0.0.1"
NAMES = frozenset({HOST, "localhost"})
REFRESH_S = 5
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HTML, JSON = "text/html; charset=utf-8", "application/json"


def serve(options: Namespace) -> int:
    """Answer with the report until interrupted."""
    folder = study_of(options.place, options.study)
    try:
        server = page_server(folder, options.port)
    except OverflowError as fault:
        raise PromoError(f"there is no port {options.port}", hint="choose one below 65536 with --port") from fault
    except OSError as fault:
        message = f"port {options.port} cannot be listened on: {fault.strerror or fault}"
        raise PromoError(message, hint="choose another with --port") from fault
    put(f"http://{HOST}:{server.server_address[1]}/  (this machine only, read only; Ctrl-C ends it)")
    with server:
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            put("")
    return ExitCode.DONE


def page_server(folder: StudyFolder, port: int, refresh_s: int = REFRESH_S) -> ThreadingHTTPServer:
    """
    A server of a study's report on the loopback interface; it writes nothing.

    `/` is a page that holds the report and says how far the study is, `/report` the report alone, and `/now` how far
    the study is, for that page.

    Args:
        folder: the study.
        port: 0 takes a free one.
        refresh_s: seconds between two looks of the page.

    Raises:
        OSError: the port is taken.
        OverflowError: there is no such port.
    """
    pages = _Pages(folder, refresh_s)
    known = {"/": (pages.whole, HTML), "/report": (pages.report, HTML), "/now": (pages.now, JSON)}

    class Handler(BaseHTTPRequestHandler):
        server_version = "promo"
        sys_version = ""

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def log_message(self, *words: object) -> None:
            """Say nothing: the terminal belongs to the user."""

        def _answer(self, *, with_body: bool) -> None:
            # A page elsewhere that resolves its own name to this machine must not read the report.
            if (self.headers.get("Host") or "").rpartition(":")[0] not in NAMES:
                self.send_error(HTTPStatus.FORBIDDEN, "this page is for this machine only")
                return
            if self.path not in known:
                self.send_error(HTTPStatus.NOT_FOUND, "there are three pages: /, /report and /now")
                return
            make, kind = known[self.path]
            content = make()
            self.send_response(HTTPStatus.OK)
            framed = "SAMEORIGIN" if self.path == "/report" else "DENY"
            for name, value in {**HEADERS, "X-Frame-Options": framed, "Content-Type": kind}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if with_body:
                self.wfile.write(content)

    server = ThreadingHTTPServer((HOST, port), Handler)
    server.daemon_threads = True
    return server


class _Pages:
    """What is shown of a study; the report is made anew when the ledger has grown, and one at a time."""

    def __init__(self, folder: StudyFolder, refresh_s: int) -> None:
        self.folder, self.refresh_s = folder, refresh_s
        self.made = ""
        self.content = b""
        self.lock = Lock()
        self.read: tuple[str, Compiled, State] | None = None
        """The study as it was read last, and the version of its ledger then."""

    def whole(self) -> bytes:
        """The page around the report."""
        from promo.report.render import render_live

        version, (words, going) = self._version(), self._progress()
        name = self.folder.path.name
        return render_live(name, words, version, going=going, refresh_s=self.refresh_s).encode()

    def now(self) -> bytes:
        """How far the study is, and which report belongs to that."""
        version, (words, going) = self._version(), self._progress()
        return json.dumps({"version": version, "going": going, "words": [visible(one) for one in words]}).encode()

    def report(self) -> bytes:
        """The report."""
        with self.lock:
            version = self._version()
            if version != self.made:
                self.content = self._page()
                self.made = version
            return self.content

    def _version(self) -> str:
        """The ledger's size: it only ever grows."""
        try:
            return str((self.folder.path / LEDGER).stat().st_size)
        except OSError:
            return "none"

    def _progress(self) -> tuple[list[str], bool]:
        """How far the study is in a few words, and whether anything more will happen."""
        from promo.cli.seen import look, whole_lines

        try:
            compiled, state = self._study()
            study, plan = compiled.sound()
        except (PromoError, SpecError) as fault:
            return [_words(fault)], True
        going = state.study not in (StudyState.CLOSED, StudyState.STOPPED)
        return list(whole_lines(look(study, plan, state, self.folder.path), plan)), going

    def _study(self) -> tuple[Compiled, State]:
        """The study, read again when its ledger has grown; what was frozen does not change."""
        version, before = self._version(), self.read
        if before is None or before[0] != version:
            self.read = version, before[1] if before else self.folder.compiled(), self.folder.state()
        assert self.read is not None
        return self.read[1], self.read[2]

    def _page(self) -> bytes:
        from promo.driver.report import page
        from promo.report.render import render_notice

        try:
            return page(self.folder).encode()
        except (PromoError, SpecError) as fault:
            return render_notice(str(self.folder.path), _words(fault), REFRESH_S).encode()


def _words(fault: PromoError | SpecError) -> str:
    """What keeps a study from being shown."""
    if isinstance(fault, PromoError):
        return fault.message
    first = next(errors(fault.diagnostics))
    return f"its spec cannot be read by this promo: {first.code}: {first.message}"
