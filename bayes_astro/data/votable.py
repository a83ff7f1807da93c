"""VOTables, the XML tables of the Virtual Observatory, with the epochs that their times count from."""

from pathlib import Path
from xml.parsers import expat

from bayes_astro.data.columns import DataError

__all__ = ["read_votable"]

ORIGINS = {"JD-origin": "JD", "MJD-origin": "MJD"}


def read_votable(path: Path, most: int):
    """The first table. Its cells are in the file itself: nothing else is opened."""
    from astropy.io import votable

    _check(path, most)
    file = votable.parse(path, verify="ignore")
    table = file.get_first_table()
    found = table.to_table(use_names_over_ids=True)
    systems = {
        system.ID: system
        for resource in file.resources
        for system in getattr(resource, "time_systems", ())
    } | {system.ID: system for system in getattr(file, "time_systems", ())}
    for field in table.fields:
        system = systems.get(field.ref)
        if system is not None and field.name in found.colnames:
            origin = str(system.timeorigin or "")
            if origin and str(field.unit or "d") == "d":
                centre = "B" if str(system.refposition).upper() == "BARYCENTER" else ""
                label = ORIGINS.get(origin, f"{centre}JD - {origin}")
                found[field.name].unit = _unit(label)
            elif origin:
                raise DataError(
                    f"{path}: column {field.name!r} counts {field.unit} from JD {origin}; convert it to "
                    "days with astropy and give that table"
                )
            found.meta["TIMESYS"] = str(system.timescale or "")
    return found


def _unit(text: str):
    from astropy import units as u

    return u.Unit(text, parse_strict="silent")


def _check(path: Path, most: int) -> None:
    """Refuse what a VOTable may ask for beside its own cells: other files, entities, endless rows."""
    size = path.stat().st_size
    columns = 0

    def start(name, attributes):
        nonlocal columns
        name = name.rpartition(":")[2]
        columns += name == "FIELD"
        if name == "STREAM" and "href" in attributes:
            raise DataError(
                f"{path}: keeps its rows in another file ({attributes['href'][:80]!r}); read it with "
                "astropy and give that table"
            )
        if name == "TABLE" and "nrows" in attributes:
            rows = attributes["nrows"]
            if not rows.strip().isdecimal() or int(rows) > size:
                raise DataError(f"{path}: is cut off, its table declares {rows[:20]} rows")

    def entity(*declared):
        raise DataError(f"{path}: declares entities of XML, which no VOTable needs; remove them")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EntityDeclHandler = start, entity
    with path.open("rb") as file:
        parser.ParseFile(file)
