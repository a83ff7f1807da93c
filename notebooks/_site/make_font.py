"""STIX Two Math, cut to what formulas use: writes `_static/math.woff` (SIL Open Font License 1.1).

    uv run --no-project --with ziamath --with fonttools python notebooks/_site/make_font.py

The font is that of The STIX Fonts Project, as ziamath ships it; its licence is `_static/OFL.txt`.
"""

from pathlib import Path

SINGLE = [0xA0, 0xB1, 0xB7, 0xD7, 0xF7, 0x2C6, 0x302, 0x303, 0x304, 0x307, 0x20D7, 0x2032, 0x2033,
          0x2061, 0x2062, 0x23DE, 0x23DF, 0x27E8, 0x27E9, 0x2A7D, 0x2A7E]  # fmt: skip
RANGES = [(0x20, 0x7F), (0x391, 0x3F6), (0x2010, 0x2040), (0x2102, 0x2140), (0x2190, 0x21D5),
          (0x2200, 0x22FF), (0x2308, 0x230C), (0x1D400, 0x1D800)]  # fmt: skip


def main():
    """Cut and write."""
    import ziamath
    from fontTools import subset, ttLib

    font = ttLib.TTFont(Path(ziamath.__file__).parent / "fonts" / "STIXTwoMath-Regular.ttf")
    options = subset.Options()
    options.layout_features = ["ssty", "dtls", "flac", "kern", "ccmp", "mark", "mkmk"]
    options.flavor, options.hinting = "woff", False
    cut = subset.Subsetter(options)
    cut.populate(unicodes=SINGLE + [code for begin, end in RANGES for code in range(begin, end)])
    cut.subset(font)
    subset.save_font(font, str(Path(__file__).parents[1] / "_static" / "math.woff"), options)


if __name__ == "__main__":
    main()
