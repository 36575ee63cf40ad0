"""Make a data set of emoji: two drawings of each, its name, its keywords and its category, from three npm packages.

    python examples/emoji_data.py [--folder FOLDER] [--packages FOLDER]

`npm pack` fetches the packages: Google's drawings (Noto Emoji, Apache License 2.0 and OFL) and Twitter's (Twemoji,
CC-BY 4.0) from emoji-datasource-google and emoji-datasource-twitter, names and keywords in English from Unicode's
cldr-annotations-full (Unicode License). --packages reads .tgz files that are there already. Emoji that Unicode composes
of several others are left out: flags, families, skin tones, and men and women of each profession. The file emoji.npz in
FOLDER (default: `emoji` in fastnet's cache folder) takes 4 MB.
"""
import argparse
import json
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import fastnet

PACKAGES = {
    "cldr-annotations-full": "48.2.0", "emoji-datasource-google": "16.0.0", "emoji-datasource-twitter": "16.0.0"}
VENDORS = ("google", "twitter")
ANNOTATIONS = "package/annotations/en/annotations.json"
SIZE = 32
JOINER = "\u200d"                       # between the parts of a composed emoji


def fetch(folder: Path) -> None:
    """Let npm write the packages to a folder as .tgz files."""
    for name, version in PACKAGES.items():
        print(f"npm pack {name}@{version}")
        subprocess.run(["npm", "pack", "--silent", f"{name}@{version}"], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)


def archive(folder: Path, name: str) -> tarfile.TarFile:
    return tarfile.open(folder / f"{name}-{PACKAGES[name]}.tgz")


def read_json(package: tarfile.TarFile, path: str) -> Any:
    found = package.extractfile(path)
    if found is None:
        raise FileNotFoundError(path)
    return json.load(found)


def annotated(folder: Path) -> list[dict[str, Any]]:
    """The emoji that have both drawings and keywords: file, name, keywords and category."""
    with archive(folder, "cldr-annotations-full") as package:
        known = read_json(package, ANNOTATIONS)["annotations"]["annotations"]
    with archive(folder, "emoji-datasource-google") as package:
        emoji = read_json(package, "package/emoji.json")
    found: list[dict[str, Any]] = []
    for entry in sorted(emoji, key=lambda entry: entry["sort_order"]):
        character = "".join(chr(int(code, 16)) for code in entry["unified"].split("-")).replace("\ufe0f", "")
        if character in known and JOINER not in character and all(entry[f"has_img_{vendor}"] for vendor in VENDORS):
            words = known[character]
            found.append({"file": entry["image"], "character": character, "name": words["tts"][0],
                          "keywords": words.get("default", []), "category": entry["category"]})
    return found


def drawings(folder: Path, vendor: str, files: list[str]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Drawings on white, uint8 (N, 32, 32, 3)."""
    with archive(folder, f"emoji-datasource-{vendor}") as package, tempfile.TemporaryDirectory() as scratch:
        wanted = {f"package/img/{vendor}/64/{name}": name for name in files}
        for member in package:
            content = package.extractfile(member) if member.name in wanted else None
            if content is not None:
                Path(scratch, wanted[member.name]).write_bytes(content.read())
        return np.stack([fastnet.data.read_picture(Path(scratch, name), SIZE) for name in files])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", metavar="FOLDER", type=Path, default=fastnet.datasets.cache_folder() / "emoji",
                        help="where to write emoji.npz")
    parser.add_argument("--packages", metavar="FOLDER", type=Path, help="a folder with the .tgz files of the packages")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        packages = args.packages or Path(scratch)
        if args.packages is None:
            fetch(packages)
        emoji = annotated(packages)
        pictures = np.stack([drawings(packages, vendor, [entry["file"] for entry in emoji]) for vendor in VENDORS])
    args.folder.mkdir(parents=True, exist_ok=True)
    character, name, category = (np.array([entry[key] for entry in emoji]) for key in ("character", "name", "category"))
    scratch_file = args.folder / "emoji.part.npz"
    np.savez_compressed(scratch_file, pictures=pictures, vendors=np.array(VENDORS), character=character, name=name,
                        category=category, keywords=np.array(["|".join(entry["keywords"]) for entry in emoji]))
    os.replace(scratch_file, args.folder / "emoji.npz")
    print(f"{args.folder / 'emoji.npz'}: {len(emoji)} emoji in {len(VENDORS)} drawings")


if __name__ == "__main__":
    main()
