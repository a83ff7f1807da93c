"""Execute notebooks in place and keep their outputs.

    uv run python notebooks/execute.py [NAME ...]

All, or those whose names begin so, such as 04 or gallery/kernels. Of the metadata of cells the
alternative text of a picture is kept ("alt"). `executed.json` beside this file holds, for each notebook, a digest
of its code and of the bundled tables that it loads: the fast tests execute those whose digest is
another, those of the site all.
"""

import base64
import hashlib
import io
import json
import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
TABLES = FOLDER.parent / "bayes_astro" / "data"
RECORD = FOLDER / "executed.json"


def code_of(notebook):
    """The sources of its code cells."""
    return [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]


def notebooks():
    """Paths by name: tutorials, and those of which the gallery is made."""
    paths = [*FOLDER.glob("*.ipynb"), *FOLDER.glob("gallery/*.ipynb")]
    return {path.relative_to(FOLDER).with_suffix("").as_posix(): path for path in sorted(paths)}


def digest(path):
    """Of the code and the bundled tables of a notebook."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    text = "\n".join("".join(source) for source in code_of(notebook))
    found = hashlib.sha256(text.encode())
    for name in sorted(set(re.findall(r"ba\.load\(\"([\w-]+)\"\)", text))):
        found.update((TABLES / f"{name}.csv").read_bytes())
    return found.hexdigest()


def small(picture):
    """A picture in 256 colours: a third of the bytes."""
    from PIL import Image

    found = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(picture))).quantize(256, method=2).save(
        found, "png", optimize=True
    )
    return base64.b64encode(found.getvalue()).decode()


def shrink(notebook):
    """All pictures of its outputs."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output["data"]["image/png"] = small(output["data"]["image/png"])


def execute(path):
    """Run all cells; outputs and the order of execution are stored, nothing of the machine."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    kernel = notebook.metadata.get("kernelspec")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    NotebookClient(
        notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}
    ).execute()
    shrink(notebook)
    for cell in notebook.cells:
        cell.metadata = {key: text for key, text in cell.metadata.items() if key == "alt"}
    notebook.metadata = {
        "kernelspec": kernel
        or {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    nbformat.write(notebook, path)


def main(chosen):
    """Execute, and write the digests."""
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    for name, path in notebooks().items():
        if not chosen or name.startswith(tuple(chosen)):
            execute(path)
            record[name] = digest(path)
            RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            print(name, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
