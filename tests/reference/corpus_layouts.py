"""Tiny corpora in the exact layouts of the real ones, written without the package under test."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile

RATE = 16000


def samples(seed: int = 0, num_samples: int = 8000) -> np.ndarray:
    """Half a second of soft noise."""
    return np.random.default_rng(seed).integers(-900, 900, num_samples, dtype=np.int16)


def wav(content: np.ndarray, rate: int = RATE, kind: str = "WAV", subtype: str | None = None) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, content, rate, format=kind, subtype=subtype)
    return stream.getvalue()


def _nan() -> np.ndarray:
    broken = np.zeros(8000, dtype=np.float32)
    broken[77] = np.nan
    return broken


def bad_audio(kind: str = "WAV") -> dict[str, bytes]:
    """Kind of problem -> a file that has it."""
    good = wav(samples(), kind=kind)
    found = {
        "truncated": good[: len(good) // 2],
        "empty": b"",
        "wrong rate": wav(samples(), rate=8000, kind=kind),
        "not mono": wav(np.stack([samples(), samples()], axis=1), kind=kind),
        "not audio": b"<html>404 not found</html>" * 40,
        "too short": wav(samples(num_samples=100), kind=kind),
    }
    if kind == "WAV":
        found["NaN or infinite samples"] = wav(_nan(), subtype="FLOAT")
        found["empty "] = wav(samples(num_samples=0))
    return found


def fleurs_row(
    file: str, num_samples: int = 8000, sentence: int = 7, gender: str = "FEMALE", text: str = "ein satz"
) -> str:
    return f'{sentence}\t{file}\tEin "Satz".\t{text}\te i n | s a t z |\t{num_samples}\t{gender}'


def tar_gz(path: Path, members: Sequence[tuple[str, bytes]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def fleurs(
    root: Path,
    code: str,
    split: str,
    files: Mapping[str, bytes],
    rows: Sequence[str] | None = None,
    packed: bool = True,
) -> Path:
    """One split of one language; a row for each file unless `rows` says otherwise."""
    folder = root / "data" / code
    folder.mkdir(parents=True, exist_ok=True)
    lines = [fleurs_row(name) for name in files] if rows is None else rows
    (folder / f"{split}.tsv").write_text("".join(line + "\n" for line in lines), encoding="utf-8", newline="")
    if packed:
        tar_gz(folder / "audio" / f"{split}.tar.gz", [(f"{split}/{name}", data) for name, data in files.items()])
    else:
        (folder / "audio" / split).mkdir(parents=True)
        for name, data in files.items():
            (folder / "audio" / split / name).write_bytes(data)
    return root


def librispeech(
    root: Path, files: Mapping[str, bytes], split: str = "dev-clean", texts: Mapping[str, str] | None = None
) -> Path:
    """Utterance id -> FLAC bytes; SPEAKERS.TXT and CHAPTERS.TXT as in the release."""
    base = root / "LibriSpeech"
    for utt, data in files.items():
        reader, chapter, _ = utt.split("-")
        folder = base / split / reader / chapter
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{utt}.flac").write_bytes(data)
    for utt, text in (texts if texts is not None else dict.fromkeys(files, "HELLO WORLD")).items():
        reader, chapter, _ = utt.split("-")
        with (base / split / reader / chapter / f"{reader}-{chapter}.trans.txt").open("a", encoding="utf-8") as stream:
            stream.write(f"{utt} {text}\n")
    (base / "SPEAKERS.TXT").write_text(
        "; comment\n;ID  |SEX| SUBSET           |MINUTES| NAME\n"
        "84   | F | dev-clean        |  8.02 | Christie Nowak\n"
        "174  | M | dev-clean        |  8.04 | Peter | Eastman\n",
        encoding="utf-8",
    )
    (base / "CHAPTERS.TXT").write_text(
        "; comment\n;ID    |READER|MINUTES| SUBSET | PROJ.|BOOK ID| CH. TITLE | PROJECT TITLE\n"
        "121123 | 84   | 5.6   | dev-clean | 330  | 1184  | Maximilien | The Count of Monte Cristo\n",
        encoding="utf-8",
    )
    return root


def textgrid(phones: Sequence[tuple[float, float, str]], end_sec: float) -> str:
    """A Montreal aligner's file: a tier of words, a tier of phones, in the long form."""
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end_sec}"]
    lines += ["tiers? <exists>", "size = 2", "item []:"]
    tiers = (("words", [(0.0, end_sec, 'say "x"')]), ("phones", phones))
    for i, (name, intervals) in enumerate(tiers, 1):
        lines += [f"    item [{i}]:", '        class = "IntervalTier"', f'        name = "{name}"']
        lines += ["        xmin = 0", f"        xmax = {end_sec}", f"        intervals: size = {len(intervals)}"]
        for k, (start, end, label) in enumerate(intervals, 1):
            quoted = label.replace('"', '""')
            lines += [f"        intervals [{k}]:", f"            xmin = {start}", f"            xmax = {end}"]
            lines += [f'            text = "{quoted}"']
    return "\n".join(lines) + "\n"


def dhwani(root: Path, files: Mapping[str, bytes], folder: str = "data_refined") -> Path:
    """'<language>/<name>.wav' -> bytes."""
    for name, data in files.items():
        path = root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def pangloss_xml(segments: Sequence[tuple[str, object, object, str]], root: str = "TEXT", prolog: str = "") -> str:
    unit = {"TEXT": "S", "WORDLIST": "W"}[root]
    body = "".join(
        f'<{unit} id="{name}"><AUDIO start="{start}" end="{end}"/><FORM kindOf="phono">{text}</FORM>'
        f'<TRANSL xml:lang="fr">oui</TRANSL><W id="{name}W1"><FORM>bois</FORM></W></{unit}>'
        for name, start, end, text in segments
    )
    head = '<HEADER><TITLE xml:lang="en">A tale</TITLE><SOUNDFILE href="http://x.org/tale.wav"/></HEADER>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{prolog}<{root} id="tale" xml:lang="nru">{head}{body}</{root}>'


def pangloss(root: Path, wavs: Mapping[str, bytes], xmls: Mapping[str, str], metadata: str = "") -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for name, data in wavs.items():
        (root / f"{name}.wav").write_bytes(data)
    for name, text in xmls.items():
        (root / f"{name}.xml").write_text(text, encoding="utf-8")
    if metadata:
        (root / "metadata.tsv").write_text(metadata, encoding="utf-8")
    return root


def recording(
    name: str, path: str, num_samples: int = 8000, channels: Sequence[int] = (0,), rate: int = RATE
) -> dict[str, object]:
    return {
        "id": name,
        "sources": [{"type": "file", "channels": list(channels), "source": path}],
        "sampling_rate": rate,
        "num_samples": num_samples,
        "duration": num_samples / rate,
        "channel_ids": list(channels),
    }


def supervision(name: str, rec: str, start: float = 0.0, duration: float = 0.5, **more: object) -> dict[str, object]:
    return {"id": name, "recording_id": rec, "start": start, "duration": duration, "channel": 0, **more}


def jsonl(path: Path, records: Sequence[object]) -> None:
    """Gzipped where the name says so; strings are written as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records).encode()
    path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)


def lhotse(
    root: Path, recordings: Sequence[object], supervisions: Sequence[object], name: str = "ami", part: str = "dev"
) -> Path:
    jsonl(root / f"{name}_recordings_{part}.jsonl.gz", recordings)
    jsonl(root / f"{name}_supervisions_{part}.jsonl.gz", supervisions)
    return root


def zipped(path: Path, members: Mapping[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 11, 1, 0, 0, 0)), data)
    return path


def voxlingua107(root: Path, files: Mapping[str, bytes], dev: Mapping[str, bytes] | None = None) -> Path:
    """'<code>/<video>---<start>-<end>.wav' -> bytes, in an archive for each code, and dev.zip."""
    for code in {name.partition("/")[0] for name in files}:
        zipped(root / f"{code}.zip", {n: d for n, d in files.items() if n.startswith(f"{code}/")})
    zipped(root / "dev.zip", {f"dev/{name}": data for name, data in (dev or {}).items()})
    return root


def ml_superb(
    root: Path, source: str, language: str, lists: Mapping[str, Sequence[str]], files: Mapping[str, bytes]
) -> Path:
    """One language of one source corpus: '10min_train' and the like -> lines, utterance -> wav."""
    folder = root / "eighth_version" / source / language
    (folder / "wav").mkdir(parents=True)
    for name, lines in lists.items():
        (folder / f"transcript_{name}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    for name, data in files.items():
        (folder / "wav" / f"{name}.wav").write_bytes(data)
    return root


_HEADER = (
    "client_id path sentence_id sentence sentence_domain up_votes down_votes age gender accents variant locale segment"
)
COMMON_VOICE = _HEADER.split()
"""The header of releases since 2024."""


def common_voice_row(file: str, client: str = "a1", locale: str = "hi", **said: str) -> list[str]:
    row = dict.fromkeys(COMMON_VOICE, "") | {"client_id": client * 64, "path": file, "sentence": 'Ein "Satz".'}
    row |= {"up_votes": "2", "down_votes": "0", "gender": "female_feminine", "age": "twenties", "locale": locale}
    return [(row | said)[name] for name in COMMON_VOICE]


def common_voice(
    root: Path, locale: str, splits: Mapping[str, Sequence[Sequence[str]]], files: Mapping[str, bytes]
) -> Path:
    """One locale of a release: split -> rows, file -> bytes."""
    folder = root / "cv-corpus-17.0-2024-03-15" / locale
    (folder / "clips").mkdir(parents=True)
    for split, rows in splits.items():
        text = "".join("\t".join(row) + "\n" for row in [COMMON_VOICE, *rows])
        (folder / f"{split}.tsv").write_text(text, encoding="utf-8", newline="")
    for name, data in files.items():
        (folder / "clips" / name).write_bytes(data)
    return root


def parquet(path: Path, rows: Sequence[Mapping[str, object]], features: Mapping[str, object] | None = None) -> Path:
    """A file as the library `datasets` writes it: the audio as {bytes, path}, its features noted in the schema."""
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.Table.from_pylist([dict(row) for row in rows])
    told = {"audio": {"sampling_rate": RATE, "_type": "Audio"}, **(features or {})}
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": told}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(table, path, row_group_size=100)
    return path


def ml_superb_2(name: str, data: bytes, language: str = "eng") -> dict[str, object]:
    """A row of ML-SUPERB 2."""
    return {"id": name, "language": language, "audio": {"bytes": data, "path": f"{name}.wav"}, "text": "HELLO"}


FESTVOX = "usr/share/festival/voices/russian/msu_ru_nsh_clunits"


def voiced(seed: int = 0, num_samples: int = 8000, rate: int = RATE) -> np.ndarray:
    """Half a second of a buzz at 120 Hz with a little noise: periodic, as vowels are."""
    time = np.arange(num_samples) / rate
    buzz = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 12))
    return (4000 * buzz + np.random.default_rng(seed).normal(0, 60, num_samples)).astype(np.int16)


def festvox(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """ru_NUMBER -> wav, as the files of festvox-ru: text, phone labels, recordings."""
    texts = "".join(f'( {name} "Она шла, прядь вол+ос за ухо." )\n' for name in files)
    labels = "#\n0.10000 125 pau\n0.30000 125 k\n0.50000 125 ay\n"
    found = {f"{FESTVOX}/etc/txt.done.data": texts.encode()}
    found |= {f"{FESTVOX}/lab/{name}.lab": labels.encode() for name in files}
    return found | {f"{FESTVOX}/wav/{name}.wav": data for name, data in files.items()}


def unpacked(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def deb(path: Path, files: Mapping[str, bytes], packer: str = "xz") -> Path:
    """A Debian package: `ar` of debian-binary, control.tar.xz and data.tar.*, written byte by byte."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    ending, packed = {"": ("", stream.getvalue())}.get(packer) or (f".{packer}", PACKERS[packer](stream.getvalue()))
    members = [("debian-binary", b"2.0\n"), ("control.tar.xz", lzma.compress(b"odd")), (f"data.tar{ending}", packed)]
    content = b"!<arch>\n"
    for name, data in members:
        content += (
            f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) % 2)
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _zst(content: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(write_checksum=True).compress(content)


PACKERS = {"xz": lzma.compress, "gz": gzip.compress, "bz2": bz2.compress, "zst": _zst}


VIDEOS = [f"vid{i:08d}" for i in range(10)]


def webdataset(path: Path, files: Mapping[str, bytes]) -> Path:
    """A shard without compression, its files in the order given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def shar(folder: Path, files: Mapping[str, bytes], number: int = 0) -> None:
    """One shard as lhotse's to_shar writes it: a cut for each file, and what lhotse says of the file beside it."""
    told = {
        name: {**recording(name, ""), "sources": [{"type": "shar", "channels": [0], "source": ""}]} for name in files
    }
    cuts = [
        {
            "id": name,
            "start": 0,
            "duration": 0.5,
            "channel": 0,
            "supervisions": [supervision(f"s-{name}", name, 0.0, 0.5, text="hi", speaker="s", language="German")],
            "recording": told[name],
            "type": "MonoCut",
        }
        for name in files
    ]
    webdataset(
        folder / f"recording.{number:06d}.tar",
        {f"{n}.{kind}": v for n in files for kind, v in (("flac", files[n]), ("json", json.dumps(told[n]).encode()))},
    )
    jsonl(folder / f"cuts.{number:06d}.jsonl.gz", cuts)


def build(corpus: str, root: Path, bad: Mapping[str, bytes] | None = None) -> Path:
    """A small sound corpus of any kind, plus one file for each of `bad`, under a folder with a blank and an umlaut."""
    root = root / "a corpus ü"
    extra = dict(enumerate((bad or {}).values()))
    if corpus == "fleurs":
        files = {f"{100 + i}.wav": wav(samples(i)) for i in range(3)} | {f"9{i}.wav": d for i, d in extra.items()}
        for split in ("train", "dev", "test"):
            fleurs(root, "hi_in", split, files)
        return fleurs(root, "ur_pk", "dev", {f"{200 + i}.wav": wav(samples(i)) for i in range(2)}, packed=False)
    if corpus == "librispeech":
        files = {f"84-121123-{i:04d}": wav(samples(i), kind="FLAC") for i in range(3)}
        files |= {f"84-121123-9{i:03d}": data for i, data in extra.items()}
        return librispeech(root, {**files, "174-50561-0000": wav(samples(9), kind="FLAC")})
    if corpus == "dhwani":
        files = {f"hindi/broken-{video}-{i}.wav": wav(samples(i)) for video in VIDEOS for i in range(2)}
        return dhwani(root, files | {f"hindi/vad_00_{VIDEOS[i]}.wav": data for i, data in extra.items()})
    if corpus == "pangloss":
        xml = pangloss_xml([("S1", 0.0, 0.2, "a b"), ("S2", 0.25, 0.5, "c")])
        wavs = {"tale": wav(samples()), "song": wav(samples(1))} | {f"bad{i}": data for i, data in extra.items()}
        return pangloss(root, wavs, {"tale": xml})
    if corpus == "folder":
        names = {f"a{i}": wav(samples(i)) for i in range(3)} | {f"bad{i}": data for i, data in extra.items()}
        (root / "train").mkdir(parents=True)
        for name, data in names.items():
            (root / "train" / f"{name}.wav").write_bytes(data)
        rows = [f'{name}.wav,"one, two",hin,anna\n' for name in names]
        (root / "train" / "metadata.csv").write_text("".join(["file_name,transcription,language,speaker_id\n", *rows]))
        return root
    if corpus == "voxlingua107":
        files = {f"hi/{VIDEOS[0]}---{i:04d}.000-{i:04d}.500.wav": wav(samples(i)) for i in range(3)}
        files |= {f"ur/{VIDEOS[1]}---{i:04d}.000-{i:04d}.500.wav": data for i, data in extra.items()}
        return voxlingua107(root, files, {f"hi/{VIDEOS[2]}__U__S1---0001.000-0001.500.wav": wav(samples(7))})
    if corpus == "ml_superb":
        files = {f"fleurs_hin_{i:06d}": wav(samples(i)) for i in range(3)}
        files |= {f"fleurs_hin_9{i:05d}": data for i, data in extra.items()}
        lists = {"10min_train": list(files), "10min_dev": list(files)[:1], "10min_test": list(files)[1:2]}
        lines = {name: [f"{utt} 0.5 a b" for utt in utts] for name, utts in lists.items()}
        return ml_superb(root, "fleurs", "hin", lines, files)
    if corpus == "common_voice":
        files = {f"common_voice_hi_{i}.mp3": wav(samples(i), kind="MP3") for i in range(3)}
        files |= {f"common_voice_hi_9{i}.mp3": data for i, data in extra.items()}
        rows = [common_voice_row(name) for name in files]
        return common_voice(root, "hi", {"train": rows, "dev": rows[:1], "test": rows[1:2]}, files)
    if corpus == "parquet":
        rows = [ml_superb_2(f"cv_eng_{i:06d}", wav(samples(i))) for i in range(3)]
        rows += [ml_superb_2(f"cv_eng_9{i:05d}", data) for i, data in extra.items()]
        parquet(root / "data" / "dev-00000-of-00001.parquet", rows[:1])
        parquet(root / "data" / "train-00000-of-00001.parquet", rows)
        return root
    if corpus == "webdataset":
        files = {f"{i:06d}": wav(samples(i)) for i in range(3)} | {f"9{i:05d}": data for i, data in extra.items()}
        said = json.dumps({"text": "a b", "language": "eng", "speaker_id": "s1", "kept": [1], "age": 30}).encode()
        webdataset(root / "dev-000000.tar", {"000000.flac": wav(samples(9), kind="FLAC"), "000000.json": said})
        both = {
            f"{name}.{kind}": data for name, audio in files.items() for kind, data in [("wav", audio), ("json", said)]
        }
        webdataset(root / "train-000000.tar", both)
        return root
    if corpus == "shar":
        files = {f"r{i}": wav(samples(i), kind="FLAC") for i in range(3)} | {f"bad{i}": d for i, d in extra.items()}
        for split, names in (("train", list(files)), ("dev", ["r0"])):
            shar(root / split, {f"{name}-{split}": files[name] for name in names})
        return root
    if corpus == "debian":
        files = {f"ru_000{i}": wav(samples(i)) for i in range(3)} | {f"ru_900{i}": data for i, data in extra.items()}
        return unpacked(root, festvox(files))
    names = {f"r{i}": wav(samples(i)) for i in range(3)} | {f"bad{i}": data for i, data in extra.items()}
    root.mkdir(parents=True)
    for name, data in names.items():
        (root / f"{name}.wav").write_bytes(data)
    segments = [
        supervision(f"{name}-{i}", name, 0.25 * i, 0.25, text="hi", speaker="s") for name in names for i in (0, 1)
    ]
    return lhotse(root, [recording(name, f"{name}.wav") for name in names], segments)
