"""Write the software bill of materials of a wheel as CycloneDX JSON: `sbom.py WHEEL LOCK… > sbom.cdx.json`.

Lists the wheel by its digest and every package pinned in the locks, with the digests that pip checks. Licences come from the
packages installed for this Python, if any. The output is deterministic and needs no network.
"""

import email.parser
import hashlib
import json
import re
import sys
import zipfile
from importlib import metadata
from pathlib import Path


def main() -> None:
    wheel, *locks = map(Path, sys.argv[1:])
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        facts = email.parser.Parser().parsestr(archive.read(name).decode())
    own = {
        "type": "library",
        "bom-ref": "goalposts",
        "name": facts["Name"],
        "version": facts["Version"],
        "purl": purl(facts["Name"], facts["Version"]),
        "licenses": [{"license": {"id": facts["License-Expression"]}}],
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}],
    }
    parts = sorted((part for lock in locks for part in components(lock)), key=lambda part: part["bom-ref"])
    refs = [part["bom-ref"] for part in parts]
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": own},
        "components": parts,
        "dependencies": [{"ref": "goalposts", "dependsOn": refs}, *({"ref": ref} for ref in refs)],
    }
    print(json.dumps(bom, indent=1))


def components(lock: Path) -> list[dict]:
    """List one component per package pinned in a lock file."""
    found = []
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        pinned = re.match(r"([A-Za-z0-9._-]+)(?:\[.*?\])?==([^\s;]+)", line)
        if pinned is None:
            continue
        name, version = pinned[1].lower(), pinned[2]
        part = {
            "type": "library",
            "bom-ref": f"{name}@{version}",
            "name": name,
            "version": version,
            "purl": purl(name, version),
        }
        if hashes := sorted(re.findall(r"--hash=sha256:([0-9a-f]{64})", line)):
            part["hashes"] = [{"alg": "SHA-256", "content": digest} for digest in hashes]
        if licence := licence_of(name):
            part["licenses"] = [{"license": {"name": licence}}]
        found.append(part)
    return found


def purl(name: str, version: str) -> str:
    return f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"


def licence_of(name: str) -> str:
    """Short licence name from the installed package; "" if it is not installed or names none."""
    try:
        facts = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    said = facts.get("License-Expression") or facts.get("License") or ""
    classifiers = [
        c.rpartition(" :: ")[2] for c in facts.get_all("Classifier") or () if c.startswith("License ::")
    ]
    return (
        (said.strip().splitlines() or ["; ".join(classifiers)])[0][:100]
        if len(said) < 200
        else "; ".join(classifiers)
    )


if __name__ == "__main__":
    main()
