"""The real server: a process that speaks JSON-RPC over standard input and output."""

import asyncio

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from support import spec

pytestmark = pytest.mark.asyncio


async def told(client, uri, *codes):
    """What the server says of a text, once it says exactly these codes (or anything, when none are given)."""
    async with asyncio.timeout(20):
        while True:
            found = client.diagnostics.get(uri)
            if found is not None and (not codes or tuple(one.code for one in found) == codes):
                return found
            await asyncio.sleep(0.002)


@pytest.fixture
def open_text(client):
    """Open a text and wait for what is wrong with it; closed again at the end."""
    opened = []

    async def open_(uri: str, text: str):
        client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, "promo", 1, text)),
        )
        opened.append(uri)
        return await told(client, uri)

    yield open_

    for uri in opened:
        client.diagnostics.pop(uri, None)
        client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))


def change(client, uri, version, text):
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(
            types.VersionedTextDocumentIdentifier(version, uri), [types.TextDocumentContentChangeWholeDocument(text)]
        )
    )


def at(text, words, after=1):
    """Position of a place in an ASCII text."""
    before = text[: text.index(words) + after]
    return types.Position(before.count("\n"), len(before) - before.rfind("\n") - 1)


async def test_a_sound_spec_has_no_diagnostics_and_a_mistake_is_shown_where_it_is(client, open_text, staged_file):
    text, uri = staged_file.read_text(encoding="utf-8"), staged_file.as_uri()
    assert list(await open_text(uri, text)) == []

    wrong = text.replace("always   bridge", "always   brigde", 1)
    change(client, uri, 2, wrong)

    (found,) = await told(client, uri, "P0201")
    assert (found.code, found.severity) == ("P0201", types.DiagnosticSeverity.Error)
    assert found.range == types.Range(at(wrong, "brigde", 0), at(wrong, "brigde", 6))


async def test_versions_that_were_overtaken_are_not_reported(client, open_text, staged_file):
    text, uri = staged_file.read_text(encoding="utf-8"), staged_file.as_uri()
    await open_text(uri, text)
    before = len(client.diagnostics.history)
    for version in range(2, 22):
        change(client, uri, version, text.replace("always   bridge", f"always   nobody_{version}", 1))

    while "nobody_21" not in str(client.diagnostics[uri]):
        await asyncio.sleep(0.002)

    assert len(client.diagnostics.history) - before <= 4


async def test_related_places_are_told(client, open_text):
    text = spec(extra="cohort four { members base }")
    found = await open_text("untitled:twice", text)

    (twice,) = [one for one in found if one.code == "P0202"]
    (related,) = twice.related_information
    assert related.location.range.start == at(text, "cohort four", 7)


async def test_columns_count_utf16_units(client, open_text):
    text = spec().replace('"A trial"', '"🎯 é" 5')
    (found,) = [one for one in await open_text("untitled:wide", text) if one.code.startswith("P01")]

    assert found.range.start.character == len('  title "🎯 é" ') + 1


async def test_every_question_has_an_answer(client, open_text, staged_file):
    text, uri = staged_file.read_text(encoding="utf-8"), staged_file.as_uri()
    await open_text(uri, text)
    document = types.TextDocumentIdentifier(uri)
    twelve = at(text, "twelve for 2min")
    whole = types.Range(types.Position(0, 0), types.Position(999, 0))

    told = await client.text_document_hover_async(types.HoverParams(document, twelve))
    defined = await client.text_document_definition_async(types.DefinitionParams(document, twelve))
    context = types.ReferenceContext(include_declaration=True)
    used = await client.text_document_references_async(types.ReferenceParams(context, document, twelve))
    symbols = await client.text_document_document_symbol_async(types.DocumentSymbolParams(document))
    tokens = await client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(document))
    hints = await client.text_document_inlay_hint_async(types.InlayHintParams(document, whole))
    layout = types.FormattingOptions(tab_size=2, insert_spaces=True)
    edits = await client.text_document_formatting_async(types.DocumentFormattingParams(document, layout))

    assert "12 candidates" in told.contents.value
    assert defined.range.start == at(text, "cohort twelve", 7)
    assert len(used) == 3
    assert len(symbols) == 25
    assert len(tokens.data) % 5 == 0 and tokens.data
    assert [hint.label for hint in hints][2] == "budget 36 runs, 6 GPU-hours"
    assert list(edits) == []


async def test_a_text_that_does_not_parse_is_not_laid_out(client, open_text, staged_file):
    text, uri = staged_file.read_text(encoding="utf-8") + "let many = [1, 2\nlet   few = 1\n", staged_file.as_uri()
    await open_text(uri, text)
    layout = types.FormattingOptions(tab_size=2, insert_spaces=True)
    asked = types.DocumentFormattingParams(types.TextDocumentIdentifier(uri), layout)

    assert not await client.text_document_formatting_async(asked)


async def test_completion_knows_the_text_as_it_is_now(client, open_text, staged_file):
    text, uri = staged_file.read_text(encoding="utf-8"), staged_file.as_uri()
    await open_text(uri, text)
    longer = text + "\nstage more {\n  train    twelve for 5min\n  \n}\n"
    change(client, uri, 2, longer)
    position = types.Position(longer.count("\n") - 2, 2)

    found = await client.text_document_completion_async(
        types.CompletionParams(types.TextDocumentIdentifier(uri), position)
    )

    labels = {item.label for item in found}
    assert {"on", "seeds", "after"} <= labels
    assert "train" not in labels


async def test_a_rename_that_breaks_a_seal_is_refused_and_another_is_carried_out(client, open_text, staged_file):
    text, uri = staged_file.read_text(encoding="utf-8"), staged_file.as_uri()
    await open_text(uri, text)
    document = types.TextDocumentIdentifier(uri)

    edit = await client.text_document_rename_async(types.RenameParams(document, at(text, "twelve for 2min"), "dozen"))
    with pytest.raises(JsonRpcException, match="break the seal of 'pick_nine'"):
        await client.text_document_rename_async(types.RenameParams(document, at(text, "bridge as"), "anchor"))
    with pytest.raises(JsonRpcException, match="no declared name"):
        await client.text_document_prepare_rename_async(types.PrepareRenameParams(document, types.Position(0, 1)))

    assert len(edit.changes[uri]) == 3


async def test_freezing_writes_seals_and_lock_of_the_saved_file_only(client, open_text, tmp_path):
    path, text = tmp_path / "trial.promo", spec()
    uri = path.as_uri()
    await open_text(uri, text)
    freeze = types.ExecuteCommandParams(command="promo.freeze", arguments=[uri])
    with pytest.raises(JsonRpcException, match="save the file first"):
        await client.workspace_execute_command_async(freeze)
    path.write_text(text, encoding="utf-8")

    said = await client.workspace_execute_command_async(freeze)

    assert "pick: sealed sha256:" in said
    assert [message.message for message in client.messages] == [said]
    assert "frozen gate pick sealed sha256:" in path.read_text(encoding="utf-8")
    assert (tmp_path / "trial.lock.json").exists()


async def test_a_file_in_error_still_answers(client, open_text):
    text = spec().replace("keep top 1", "keep topp 1") + "\n\x00 half a character: \ud800\n"
    found = await open_text("untitled:broken", text)
    document = types.TextDocumentIdentifier("untitled:broken")
    four = at(text, "four for 1s")

    defined = await client.text_document_definition_async(types.DefinitionParams(document, four))
    told = await client.text_document_hover_async(types.HoverParams(document, four))
    actions = await client.text_document_code_action_async(
        types.CodeActionParams(document, defined.range, types.CodeActionContext([]))
    )

    assert found
    assert defined.range.start == at(text, "cohort four", 7)
    assert "once the errors" in told.contents.value
    assert list(actions) == []


async def test_a_closed_text_has_no_diagnostics(client, open_text):
    uri = "untitled:closing"
    assert await open_text(uri, "promo 2\n")

    client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))

    async with asyncio.timeout(20):
        while client.diagnostics[uri]:
            await asyncio.sleep(0.002)
