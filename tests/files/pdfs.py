"""PDF files: as pikepdf and Pillow write them, and by hand where no library would."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Encryption, Name, ObjectStreamMode, Pdf, String

from tests import samples

A4 = (595, 842)


def written(*lines: str, trailer: str = "") -> bytes:
    """Objects by hand, the first one the catalog, with the cross-reference table they need."""
    content = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
    places = []
    for number, line in enumerate(lines, start=1):
        places.append(len(content))
        content += f"{number} 0 obj\n{line}\nendobj\n".encode("latin-1")
    start, size = len(content), len(lines) + 1
    rows = "".join(f"{place:010} 00000 n \n" for place in places)
    table = f"xref\n0 {size}\n0000000000 65535 f \n{rows}"
    end = f"trailer\n<< /Size {size} /Root 1 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n"
    return content + (table + end).encode("latin-1")


def by_hand(catalog: str = "", page: str = "", text: str = "Hello", trailer: str = "") -> bytes:
    """One page with a line of text, nothing compressed; more entries where they are given."""
    drawn = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET"
    return written(
        f"<< /Type /Catalog /Pages 2 0 R {catalog} >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R "
        f"/Resources << /Font << /F1 5 0 R >> >> {page} >>",
        f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        trailer=trailer,
    )


def blank(pages: int = 1, size: tuple[float, float] = A4) -> Pdf:
    """An open document of empty pages."""
    pdf = pikepdf.new()
    for _ in range(pages):
        pdf.add_blank_page(page_size=size)
    return pdf


def saved(pdf: Pdf, **options: Any) -> bytes:
    """The document's bytes, the same each time; `options` are those of `Pdf.save`."""
    target = io.BytesIO()
    if "encryption" not in options:
        options["deterministic_id"] = True
    pdf.save(target, **options)
    return target.getvalue()


def compressed(pdf: Pdf) -> bytes:
    """The document with all it can hide in compressed object streams."""
    return saved(pdf, object_stream_mode=ObjectStreamMode.generate)


def encrypted(user: str = "secret", revision: int = 6) -> bytes:
    """A file with a password; the user's may be empty. 6 is AES-256, 3 is RC4."""
    options = {"R": revision, "aes": revision > 3, "metadata": revision > 3}
    return saved(blank(), encryption=Encryption(owner="owner", user=user, **options))  # type: ignore[arg-type]  # options of several types


def titled(title: str, author: str) -> bytes:
    """A file that tells a title and an author in its Info dictionary."""
    pdf = blank()
    pdf.docinfo[Name.Title], pdf.docinfo[Name.Author] = title, author
    return saved(pdf)


def with_xmp(title: str, author: str) -> bytes:
    """A file that tells them in XMP alone, as PDF 2.0 wants it."""
    pdf = blank()
    packet = (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Description rdf:about="">'
        f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>'
        f"<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )
    pdf.Root.Metadata = pdf.make_stream(packet.encode(), Type=Name.Metadata, Subtype=Name.XML)
    return saved(pdf)


def scripted(place: str = "OpenAction") -> Pdf:
    """An open document with a script: in `OpenAction`, `AA`, `Names`, `Annots` or `Fields`."""
    pdf = blank()
    action = Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))
    page = pdf.pages[0].obj
    if place == "OpenAction":
        pdf.Root.OpenAction = action
    elif place == "AA":
        page.AA = Dictionary(O=pdf.make_indirect(action))
    elif place == "Names":
        tree = Dictionary(Names=Array([String("go"), pdf.make_indirect(action)]))
        pdf.Root.Names = Dictionary(JavaScript=pdf.make_indirect(tree))
    elif place == "Annots":
        page.Annots = Array([Dictionary(Subtype=Name.Link, Rect=Array([0, 0, 9, 9]), A=action)])
    else:
        field = Dictionary(FT=Name.Tx, T=String("total"), AA=Dictionary(C=action))
        pdf.Root.AcroForm = Dictionary(Fields=Array([pdf.make_indirect(field)]))
    return pdf


def launching() -> Pdf:
    """An open document that starts a program."""
    pdf = blank()
    pdf.Root.OpenAction = Dictionary(S=Name.Launch, F=String("calc.exe"))
    return pdf


def signed() -> Pdf:
    """An open document with a signature field that has a value; it proves nothing."""
    pdf = blank()
    value = Dictionary(Type=Name.Sig, Filter=Name("/Adobe.PPKLite"), Contents=String("sig"))
    value.ByteRange = Array([0, 10, 20, 10])
    field = Dictionary(FT=Name.Sig, T=String("Signature1"), V=pdf.make_indirect(value))
    pdf.Root.AcroForm = Dictionary(Fields=Array([pdf.make_indirect(field)]), SigFlags=3)
    return pdf


def with_files(listed: int = 1, annotated: int = 0) -> Pdf:
    """An open document with files in it: some in the name tree, some as annotations."""
    pdf = blank()
    for number in range(listed):
        pdf.attachments[f"{number}.txt"] = b"attached"
    notes = []
    for number in range(annotated):
        content = pdf.make_stream(b"annotated", Type=Name.EmbeddedFile)
        file = Dictionary(Type=Name.Filespec, F=String(f"{number}.txt"), EF=Dictionary(F=content))
        notes.append(Dictionary(Subtype=Name.FileAttachment, Rect=Array([0, 0, 9, 9]), FS=file))
    if notes:
        pdf.pages[0].obj.Annots = Array(notes)
    return pdf


def xfa() -> Pdf:
    """An open document whose form is an XFA template."""
    pdf = blank()
    template = pdf.make_stream(b"<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'/>")
    pdf.Root.AcroForm = Dictionary(Fields=Array([]), XFA=template)
    return pdf


def cyclic() -> bytes:
    """A page tree that is its own child."""
    return written(
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R 2 0 R] /Count 2 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>",
    )


def lying_count(count: int = 2_000_000_000) -> bytes:
    """One page, and a page tree that says it has another number."""
    return by_hand().replace(b"/Count 1 ", f"/Count {count} ".encode())


def broken_table() -> bytes:
    """Every offset of the cross-reference table is wrong; readers repair that."""
    return by_hand().replace(b"%\xe2\xe3\xcf\xd3\n", b"%\xe2\xe3\xcf\xd3\n" + b"% moved\n" * 9)


ORDINARY: dict[str, Callable[[], bytes]] = {
    "by Pillow": samples.pdf,
    "by hand": by_hand,
    "by pikepdf": lambda: saved(blank()),
    "many pages": lambda: saved(blank(40)),
    "linearized": lambda: saved(blank(3), linearize=True),
    "object streams": lambda: compressed(blank(3)),
    "uncompressed": lambda: saved(blank(), compress_streams=False),
    "titled": lambda: titled("Report", "Ada"),
    "with XMP": lambda: with_xmp("Report", "Ada"),
    "signed": lambda: saved(signed()),
    "with files": lambda: saved(with_files(2, 1)),
    "broken table": broken_table,
    "lying count": lying_count,
}
ACTIVE: dict[str, Callable[[], Pdf]] = {
    "launch": launching,
    **{place: lambda place=place: scripted(place)  # type: ignore[misc]  # binds the value of the loop
       for place in ("OpenAction", "AA", "Names", "Annots", "Fields")},
}  # fmt: skip


def every_sample() -> list[bytes]:
    """One of each, good and bad."""
    return [
        *(make() for make in ORDINARY.values()),
        *(saved(make()) for make in ACTIVE.values()),
        *(compressed(make()) for make in ACTIVE.values()),
        *(encrypted(user, revision) for user in ("", "secret") for revision in (3, 4, 6)),
        saved(xfa()),
        cyclic(),
        by_hand() + samples.archive({"a.txt": "hello"}),
    ]
