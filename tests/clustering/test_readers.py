"""Every bad file has its own clear outcome, and none stops the others."""

from __future__ import annotations

import io
import socket
import zipfile
from pathlib import Path

import docx
import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject, TextStringObject

from clustering import DocumentInputError, NoUsableDocumentError, ReadingLimits, SkipReason, Upload, read_documents

GOOD = Upload("good.txt", b"As a nurse, I want a pen that writes.")


def pdf(
    text: str | None, *, password: str | None = None, script: bool = False, picture: bool = False, packed: bool = False
) -> bytes:
    writer = PdfWriter()
    page = writer.add_blank_page(300, 300)
    resources = DictionaryObject()
    if picture:
        resources[NameObject("/XObject")] = DictionaryObject()
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    fonts = DictionaryObject({NameObject(key): NameObject(value) for key, value in font.items()})
    resources[NameObject("/Font")] = DictionaryObject({NameObject("/F1"): fonts})
    page[NameObject("/Resources")] = resources
    if text is not None:
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode("latin-1"))
        page[NameObject("/Contents")] = writer._add_object(stream.flate_encode() if packed else stream)
    if script:
        action = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert(1)")}
        writer._root_object[NameObject("/OpenAction")] = DictionaryObject(action)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def word(*paragraphs: str) -> bytes:
    document = docx.Document()
    document.add_heading("Interview with a nurse", level=1)
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def changed(content: bytes, part: str, old: bytes, new: bytes) -> bytes:
    """A docx with some bytes of one part replaced."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(buffer, "w") as after:
        for entry in before.infolist():
            data = before.read(entry)
            after.writestr(entry, data.replace(old, new, 1) if entry.filename == part else data)
    return buffer.getvalue()


def with_entities() -> bytes:
    """A docx whose text would come from a file and from the network."""
    declared = (
        b'?>\n<!DOCTYPE d [<!ENTITY f SYSTEM "file:///etc/passwd"><!ENTITY n SYSTEM "http://127.0.0.1:9/">]>\n'
        b"<w:document "
    )
    content = changed(word("As a doctor, I want it."), "word/document.xml", b"As a doctor", b"&f;&n;As a doctor")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        head = archive.read("word/document.xml").split(b"<w:document ")[0]
    return changed(content, "word/document.xml", head + b"<w:document ", head.split(b"?>")[0] + declared)


def bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"0" * 3_000_000)
    return buffer.getvalue()


SMALL = ReadingLimits(bytes_max=120_000, unpacked_bytes_max=1_000_000, characters_max=50_000, pages_max=2)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.txt", b"  \n ", SkipReason.EMPTY),
        ("picture.txt", b"\x89PNG\r\n\0\0\0", SkipReason.BINARY),
        ("program.exe", b"MZ\0\0\0\0", SkipReason.BINARY),
        ("archive.zip", b"PK\x03\x04abc", SkipReason.BINARY),
        ("slides.odp", b"just words", SkipReason.UNSUPPORTED),
        ("latin.txt", "Zürich is my home".encode("latin-1"), SkipReason.INVALID_UTF8),
        ("huge.txt", b"a" * 120_001, SkipReason.TOO_LARGE),
        ("long.txt", b"word " * 15_000, SkipReason.TOO_LARGE),
        ("bomb.docx", bomb(), SkipReason.TOO_EXPANDED),
        ("bomb.pdf", pdf("a" * 100_000_000, packed=True), SkipReason.TOO_EXPANDED),
        ("entities.docx", with_entities(), SkipReason.BROKEN),
        ("broken.docx", b"PK\x03\x04 no zip", SkipReason.BROKEN),
        ("old.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", SkipReason.ENCRYPTED),
        ("broken.pdf", b"%PDF-1.7 nothing follows", SkipReason.BROKEN),
        ("secret.pdf", pdf("hidden", password="pw"), SkipReason.ENCRYPTED),
        ("scan.pdf", pdf(None, picture=True), SkipReason.SCANNED),
        ("blank.pdf", pdf(None), SkipReason.EMPTY),
        ("../../etc/passwd", b"As a thief, I want in.", SkipReason.UNSAFE_NAME),
        ("/etc/passwd", b"text", SkipReason.UNSAFE_NAME),
        ("C:\\x.txt", b"text", SkipReason.UNSAFE_NAME),
        ("nul\0.txt", b"text", SkipReason.UNSAFE_NAME),
        ("twin.txt", GOOD.content, SkipReason.DUPLICATE),
    ],
)
def test_a_bad_file_is_named_with_its_reason_and_the_good_one_is_read(
    name: str, content: bytes, reason: SkipReason
) -> None:
    reading = read_documents([GOOD, Upload(name, content)], limits=SMALL)
    assert [document.id for document in reading.documents] == ["good.txt"]
    (skipped,) = reading.skipped
    assert skipped.reason is reason
    assert skipped.detail


def test_a_pdf_is_read_and_its_script_is_not_run() -> None:
    (document,) = read_documents([Upload("a.pdf", pdf("As a nurse, I want a pen.", script=True))]).documents
    assert document.text == "As a nurse, I want a pen."


def test_a_docx_is_read_with_its_headings() -> None:
    (document,) = read_documents([Upload("a.docx", word("I am tired.", "We need help."))]).documents
    assert document.text == "# Interview with a nurse\n\nI am tired.\n\nWe need help."


def test_a_docx_that_points_outside_is_read_without_going_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: object) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr(socket.socket, "connect", connect)
    picture = (
        b'<Relationship Id="rIdX" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image" '
    )
    end = b"</Relationships>"
    outside = changed(
        word("I am tired."), "word/_rels/document.xml.rels", end,
        picture + b'Target="http://127.0.0.1:9/x.png" TargetMode="External"/>' + end,
    )  # fmt: skip
    (document,) = read_documents([Upload("a.docx", outside)]).documents
    assert document.text.endswith("I am tired.")


def test_html_keeps_the_words_and_drops_scripts_and_remote_parts() -> None:
    page = b"""<html><head><title>Ward</title><script src="http://example.org/x.js">evil()</script></head>
    <body><h2>Nurse</h2><p>We need <b>more</b> time.</p><img src="http://example.org/i.png">
    <iframe src="http://example.org">frame</iframe><style>p{}</style><ul><li>One</li><li>Two</li></ul></body></html>"""
    (document,) = read_documents([Upload("a.html", page)]).documents
    assert document.title == "Ward"
    assert document.text == "## Nurse\n\nWe need more time.\n\n- One\n\n- Two"


def test_csv_cells_are_text_and_formulas_stay_strings() -> None:
    content = (
        b'id,role,comment\n1,nurse,"=HYPERLINK(""http://example.org"")"\n2,patient,"I wait, and wait."\n3,guest,\n'
    )
    reading = read_documents([Upload("a.csv", content)])
    assert [document.text for document in reading.documents] == [
        '=HYPERLINK("http://example.org")',
        "I wait, and wait.",
    ]
    assert reading.documents[1].metadata["role"] == "patient"


def test_jsonl_skips_its_bad_lines_by_number() -> None:
    content = b'{"id": "x", "text": "I wait."}\n{broken\n"I hope."\n[1]\n{"n": 3}\n'
    reading = read_documents([Upload("a.jsonl", content)])
    assert [document.id for document in reading.documents] == ["x", "a.jsonl#3"]
    assert [(one.name, one.reason.value) for one in reading.skipped] == [
        ("a.jsonl#2", "broken"), ("a.jsonl#4", "broken"), ("a.jsonl#5", "empty"),
    ]  # fmt: skip


def test_invalid_bytes_can_be_replaced_on_request() -> None:
    content = "Zürich is my home".encode("latin-1")
    (document,) = read_documents([Upload("a.txt", content)], limits=ReadingLimits(invalid_utf8="replace")).documents
    assert document.text == "Z\ufffdrich is my home"


@pytest.mark.parametrize(
    "text", ["أنا ممرضة وأحتاج إلى وقت أكثر.", "אני אחות ואני צריכה זמן.", "私は看護師です。時間が必要です。"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_other_scripts_and_byte_order_marks_are_kept_intact(text: str, encoding: str) -> None:
    (document,) = read_documents([Upload("a.txt", text.encode(encoding))]).documents
    assert document.text == text


def test_a_200_mb_text_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "big.txt"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(NoUsableDocumentError, match="too_large") as error:
        read_documents(path)
    assert error.value.skipped[0].name == "big.txt"


def test_a_folder_is_read_in_order_without_following_links_out_of_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("secret")
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "b.txt").write_text("I am b.")
    (folder / "sub" / "a.md").write_text("I am a.")
    (folder / ".hidden").write_text("x")
    (folder / "link.txt").symlink_to(outside)
    reading = read_documents(folder)
    assert [document.id for document in reading.documents] == ["b.txt", "sub/a.md"]
    assert {one.name: one.reason.value for one in reading.skipped} == {
        ".hidden": "unsupported",
        "link.txt": "unsafe_name",
    }


def test_nothing_to_read_is_an_error_that_says_why() -> None:
    with pytest.raises(NoUsableDocumentError, match="no documents were given"):
        read_documents([])
    with pytest.raises(NoUsableDocumentError, match=r"none of the 1 file\(s\) could be used: 'a.txt': empty"):
        read_documents([Upload("a.txt", b"")])
    with pytest.raises(DocumentInputError, match="no file or folder"):
        read_documents("no/such/folder")
