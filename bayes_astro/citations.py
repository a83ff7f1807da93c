"""BibTeX of the methods, samplers and data that a fit used."""

from __future__ import annotations

from typing import Any

__all__ = ["BIBTEX", "bibtex", "keys_of"]


def _entry(kind: str, key: str, **fields: str) -> str:
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"@{kind}{{{key},\n{lines}\n}}"


_ENTRIES: dict[str, tuple[str, dict[str, str]]] = {
    "baluev2008": (
        "article",
        {
            "author": "Baluev, R. V.",
            "title": "Assessing the statistical significance of periodogram peaks",
            "journal": "Monthly Notices of the Royal Astronomical Society",
            "volume": "385",
            "pages": "1279--1285",
            "year": "2008",
            "doi": "10.1111/j.1365-2966.2008.12689.x",
        },
    ),
    "barnett2019": (
        "article",
        {
            "author": "Barnett, Alexander H. and Magland, Jeremy and af Klinteberg, Ludvig",
            "title": "A parallel nonuniform fast {F}ourier transform library based on an "
            "``exponential of semicircle'' kernel",
            "journal": "SIAM Journal on Scientific Computing",
            "volume": "41",
            "pages": "C479--C504",
            "year": "2019",
            "doi": "10.1137/18M120885X",
        },
    ),
    "boggs1990": (
        "incollection",
        {
            "author": "Boggs, Paul T. and Rogers, Janet E.",
            "title": "Orthogonal distance regression",
            "booktitle": "Statistical Analysis of Measurement Error Models and Applications",
            "publisher": "American Mathematical Society",
            "year": "1990",
        },
    ),
    "bretthorst1988": (
        "book",
        {
            "author": "Bretthorst, G. Larry",
            "title": "{B}ayesian Spectrum Analysis and Parameter Estimation",
            "publisher": "Springer",
            "year": "1988",
            "doi": "10.1007/978-1-4684-9399-3",
        },
    ),
    "fearnhead2006": (
        "article",
        {
            "author": "Fearnhead, Paul",
            "title": "Exact and efficient {B}ayesian inference for multiple changepoint problems",
            "journal": "Statistics and Computing",
            "volume": "16",
            "pages": "203--213",
            "year": "2006",
            "doi": "10.1007/s11222-006-8450-8",
        },
    ),
    "sanders1971": (
        "article",
        {
            "author": "Sanders, W. L.",
            "title": "An improved method for computing membership probabilities in open clusters",
            "journal": "Astronomy and Astrophysics",
            "volume": "14",
            "pages": "226--232",
            "year": "1971",
        },
    ),
    "bovy2011": (
        "article",
        {
            "author": "Bovy, Jo and Hogg, David W. and Roweis, Sam T.",
            "title": "Extreme deconvolution: Inferring complete distribution functions from "
            "noisy, heterogeneous and incomplete observations",
            "journal": "The Annals of Applied Statistics",
            "volume": "5",
            "pages": "1657--1677",
            "year": "2011",
            "doi": "10.1214/10-AOAS439",
        },
    ),
    "landy1993": (
        "article",
        {
            "author": "Landy, Stephen D. and Szalay, Alexander S.",
            "title": "Bias and variance of angular correlation functions",
            "journal": "The Astrophysical Journal",
            "volume": "412",
            "pages": "64--71",
            "year": "1993",
            "doi": "10.1086/172900",
        },
    ),
    "scargle2013": (
        "article",
        {
            "author": "Scargle, Jeffrey D. and Norris, Jay P. and Jackson, Brad and Chiang, James",
            "title": "Studies in astronomical time series analysis. {VI}. {B}ayesian block representations",
            "journal": "The Astrophysical Journal",
            "volume": "764",
            "pages": "167",
            "year": "2013",
            "doi": "10.1088/0004-637X/764/2/167",
        },
    ),
    "sellentin2016": (
        "article",
        {
            "author": "Sellentin, Elena and Heavens, Alan F.",
            "title": "Parameter inference with estimated covariance matrices",
            "journal": "Monthly Notices of the Royal Astronomical Society: Letters",
            "volume": "456",
            "pages": "L132--L136",
            "year": "2016",
            "doi": "10.1093/mnrasl/slv190",
        },
    ),
    "mohammad2022": (
        "article",
        {
            "author": "Mohammad, Faizan G. and Percival, Will J.",
            "title": "Creating jackknife and bootstrap estimates of the covariance matrix for the two-point correlation function",
            "journal": "Monthly Notices of the Royal Astronomical Society",
            "volume": "514",
            "pages": "1289--1301",
            "year": "2022",
            "doi": "10.1093/mnras/stac1458",
        },
    ),
    "riutortmayol2023": (
        "article",
        {
            "author": 'Riutort-Mayol, Gabriel and B{\\"u}rkner, Paul-Christian and Andersen, Michael R. and Solin, Arno and Vehtari, Aki',
            "title": "Practical Hilbert space approximate {B}ayesian {G}aussian processes for probabilistic programming",
            "journal": "Statistics and Computing",
            "volume": "33",
            "pages": "17",
            "year": "2023",
            "doi": "10.1007/s11222-022-10167-2",
        },
    ),
    "barrow1984": (
        "article",
        {
            "author": "Barrow, J. D. and Bhavsar, S. P. and Sonoda, D. H.",
            "title": "A bootstrap resampling analysis of galaxy clustering",
            "journal": "Monthly Notices of the Royal Astronomical Society",
            "volume": "210",
            "pages": "19P--23P",
            "year": "1984",
            "doi": "10.1093/mnras/210.1.19P",
        },
    ),
    "burke2021": (
        "article",
        {
            "author": "Burke, Colin J. and others",
            "title": "A characteristic optical variability time scale in astrophysical accretion disks",
            "journal": "Science",
            "volume": "373",
            "pages": "789--792",
            "year": "2021",
            "doi": "10.1126/science.abg9933",
        },
    ),
    "bovy2011xdqso": (
        "article",
        {
            "author": "Bovy, Jo and Hennawi, Joseph F. and Hogg, David W. and others",
            "title": "Think Outside the Color Box: Probabilistic Target Selection and the SDSS-XDQSO Quasar "
            "Targeting Catalog",
            "journal": "The Astrophysical Journal",
            "volume": "729",
            "pages": "141",
            "year": "2011",
            "doi": "10.1088/0004-637X/729/2/141",
        },
    ),
    "saerens2002": (
        "article",
        {
            "author": "Saerens, Marco and Latinne, Patrice and Decaestecker, Christine",
            "title": "Adjusting the Outputs of a Classifier to New a Priori Probabilities: A Simple Procedure",
            "journal": "Neural Computation",
            "volume": "14",
            "pages": "21--41",
            "year": "2002",
            "doi": "10.1162/089976602753284446",
        },
    ),
    "bovy2012": (
        "article",
        {
            "author": "Bovy, Jo and Myers, Adam D. and Hennawi, Joseph F. and others",
            "title": "Photometric Redshifts and Quasar Probabilities from a Single, Data-driven "
            "Generative Model",
            "journal": "The Astrophysical Journal",
            "volume": "749",
            "pages": "41",
            "year": "2012",
            "doi": "10.1088/0004-637X/749/1/41",
        },
    ),
    "emcee2013": (
        "article",
        {
            "author": "Foreman-Mackey, Daniel and Hogg, David W. and Lang, Dustin and "
            "Goodman, Jonathan",
            "title": "emcee: The {MCMC} Hammer",
            "journal": "Publications of the Astronomical Society of the Pacific",
            "volume": "125",
            "pages": "306--312",
            "year": "2013",
            "doi": "10.1086/670067",
        },
    ),
    "efron1979": (
        "article",
        {
            "author": "Efron, B.",
            "title": "Bootstrap methods: another look at the jackknife",
            "journal": "The Annals of Statistics",
            "volume": "7",
            "pages": "1--26",
            "year": "1979",
            "doi": "10.1214/aos/1176344552",
        },
    ),
    "emmanoulopoulos2010": (
        "article",
        {
            "author": "Emmanoulopoulos, D. and McHardy, I. M. and Uttley, P.",
            "title": "On the use of structure functions to study blazar variability: caveats and problems",
            "journal": "Monthly Notices of the Royal Astronomical Society",
            "volume": "404",
            "pages": "931--946",
            "year": "2010",
            "doi": "10.1111/j.1365-2966.2010.16328.x",
        },
    ),
    "garwood1936": (
        "article",
        {
            "author": "Garwood, F.",
            "title": "Fiducial limits for the {P}oisson distribution",
            "journal": "Biometrika",
            "volume": "28",
            "pages": "437--442",
            "year": "1936",
            "doi": "10.1093/biomet/28.3-4.437",
        },
    ),
    "goodman2010": (
        "article",
        {
            "author": "Goodman, Jonathan and Weare, Jonathan",
            "title": "Ensemble samplers with affine invariance",
            "journal": "Communications in Applied Mathematics and Computational Science",
            "volume": "5",
            "pages": "65--80",
            "year": "2010",
            "doi": "10.2140/camcos.2010.5.65",
        },
    ),
    "hoffman2014": (
        "article",
        {
            "author": "Hoffman, Matthew D. and Gelman, Andrew",
            "title": "The No-{U}-Turn Sampler: adaptively setting path lengths in {H}amiltonian "
            "{M}onte {C}arlo",
            "journal": "Journal of Machine Learning Research",
            "volume": "15",
            "pages": "1593--1623",
            "year": "2014",
        },
    ),
    "branch1999": (
        "article",
        {
            "author": "Branch, Mary Ann and Coleman, Thomas F. and Li, Yuying",
            "title": "A subspace, interior, and conjugate gradient method for large-scale "
            "bound-constrained minimization problems",
            "journal": "SIAM Journal on Scientific Computing",
            "volume": "21",
            "pages": "1",
            "year": "1999",
            "doi": "10.1137/S1064827595289108",
        },
    ),
    "hogg1999": (
        "article",
        {
            "author": "Hogg, David W.",
            "title": "Distance measures in cosmology",
            "journal": "arXiv e-prints",
            "eprint": "astro-ph/9905116",
            "year": "1999",
        },
    ),
    "hogg2010": (
        "article",
        {
            "author": "Hogg, David W. and Bovy, Jo and Lang, Dustin",
            "title": "Data analysis recipes: Fitting a model to data",
            "journal": "arXiv e-prints",
            "eprint": "1008.4686",
            "year": "2010",
        },
    ),
    "juarez2010": (
        "article",
        {
            "author": "Ju{\\'a}rez, Miguel A. and Steel, Mark F. J.",
            "title": "Model-based clustering of non-{G}aussian panel data based on skew-t "
            "distributions",
            "journal": "Journal of Business \\& Economic Statistics",
            "volume": "28",
            "pages": "52--66",
            "year": "2010",
            "doi": "10.1198/jbes.2009.07145",
        },
    ),
    "kelly2007": (
        "article",
        {
            "author": "Kelly, Brandon C.",
            "title": "Some aspects of measurement error in linear regression of astronomical data",
            "journal": "The Astrophysical Journal",
            "volume": "665",
            "pages": "1489--1506",
            "year": "2007",
            "doi": "10.1086/519947",
        },
    ),
    "lange1989": (
        "article",
        {
            "author": "Lange, Kenneth L. and Little, Roderick J. A. and Taylor, Jeremy M. G.",
            "title": "Robust statistical modeling using the t distribution",
            "journal": "Journal of the American Statistical Association",
            "volume": "84",
            "pages": "881--896",
            "year": "1989",
            "doi": "10.1080/01621459.1989.10478852",
        },
    ),
    "benitez2000": (
        "article",
        {
            "author": "Ben{\\'i}tez, Narciso",
            "title": "Bayesian photometric redshift estimation",
            "journal": "The Astrophysical Journal",
            "volume": "536",
            "pages": "571--583",
            "year": "2000",
            "doi": "10.1086/308947",
        },
    ),
    "li1983": (
        "article",
        {
            "author": "Li, T.-P. and Ma, Y.-Q.",
            "title": "Analysis methods for results in gamma-ray astronomy",
            "journal": "The Astrophysical Journal",
            "volume": "272",
            "pages": "317--324",
            "year": "1983",
            "doi": "10.1086/161295",
        },
    ),
    "loredo1992": (
        "incollection",
        {
            "author": "Loredo, Thomas J.",
            "title": "The Promise of {B}ayesian Inference for Astrophysics",
            "booktitle": "Statistical Challenges in Modern Astronomy",
            "editor": "Feigelson, Eric D. and Babu, G. Jogesh",
            "publisher": "Springer",
            "pages": "275--297",
            "year": "1992",
        },
    ),
    "madau1995": (
        "article",
        {
            "author": "Madau, Piero",
            "title": "Radiative transfer in a clumpy universe: the colors of high-redshift galaxies",
            "journal": "The Astrophysical Journal",
            "volume": "441",
            "pages": "18--27",
            "year": "1995",
            "doi": "10.1086/175332",
        },
    ),
    "leistedt2016": (
        "article",
        {
            "author": "Leistedt, Boris and Mortlock, Daniel J. and Peiris, Hiranya V.",
            "title": "Hierarchical Bayesian inference of galaxy redshift distributions from "
            "photometric surveys",
            "journal": "Monthly Notices of the Royal Astronomical Society",
            "volume": "460",
            "pages": "4258--4267",
            "year": "2016",
            "doi": "10.1093/mnras/stw1304",
        },
    ),
    "malz2022": (
        "article",
        {
            "author": "Malz, Alex I. and Hogg, David W.",
            "title": "How to Obtain the Redshift Distribution from Probabilistic Redshift Estimates",
            "journal": "The Astrophysical Journal",
            "volume": "928",
            "pages": "127",
            "year": "2022",
            "doi": "10.3847/1538-4357/ac062f",
        },
    ),
    "meinshausen2006": (
        "article",
        {
            "author": "Meinshausen, Nicolai",
            "title": "Quantile Regression Forests",
            "journal": "Journal of Machine Learning Research",
            "volume": "7",
            "pages": "983--999",
            "year": "2006",
        },
    ),
    "pedregosa2011": (
        "article",
        {
            "author": "Pedregosa, F. and Varoquaux, G. and Gramfort, A. and others",
            "title": "Scikit-learn: Machine Learning in {P}ython",
            "journal": "Journal of Machine Learning Research",
            "volume": "12",
            "pages": "2825--2830",
            "year": "2011",
        },
    ),
    "bailey2012": (
        "article",
        {
            "author": "Bailey, Stephen",
            "title": "Principal Component Analysis with Noisy and/or Missing Data",
            "journal": "Publications of the Astronomical Society of the Pacific",
            "volume": "124",
            "pages": "1015",
            "year": "2012",
            "doi": "10.1086/668105",
        },
    ),
    "roweis1998": (
        "inproceedings",
        {
            "author": "Roweis, Sam",
            "title": "{EM} Algorithms for {PCA} and {SPCA}",
            "booktitle": "Advances in Neural Information Processing Systems",
            "volume": "10",
            "pages": "626--632",
            "year": "1998",
        },
    ),
    "yip2004": (
        "article",
        {
            "author": "Yip, C. W. and Connolly, A. J. and Szalay, A. S. and others",
            "title": "Distributions of Galaxy Spectral Types in the {Sloan Digital Sky Survey}",
            "journal": "Astronomical Journal",
            "volume": "128",
            "pages": "585",
            "year": "2004",
            "doi": "10.1086/422429",
            "eprint": "astro-ph/0407061",
            "archiveprefix": "arXiv",
        },
    ),
    "connolly1999": (
        "article",
        {
            "author": "Connolly, A. J. and Szalay, A. S.",
            "title": "A Robust Classification of Galaxy Spectra: Dealing with Noisy and Incomplete Data",
            "journal": "Astronomical Journal",
            "volume": "117",
            "pages": "2052--2062",
            "year": "1999",
            "doi": "10.1086/300839",
        },
    ),
    "foremanmackey2017": (
        "article",
        {
            "author": "Foreman-Mackey, D. and Agol, E. and Ambikasaran, S. and Angus, R.",
            "title": "Fast and Scalable {G}aussian Process Modeling with Applications to "
            "Astronomical Time Series",
            "journal": "The Astronomical Journal",
            "volume": "154",
            "pages": "220",
            "year": "2017",
        },
    ),
    "tremaine2002": (
        "article",
        {
            "author": "Tremaine, Scott and others",
            "title": "The Slope of the Black Hole Mass versus Velocity Dispersion Correlation",
            "journal": "The Astrophysical Journal",
            "volume": "574",
            "pages": "740--753",
            "year": "2002",
        },
    ),
    "varadhan2008": (
        "article",
        {
            "author": "Varadhan, Ravi and Roland, Christophe",
            "title": "Simple and globally convergent methods for accelerating the convergence of "
            "any {EM} algorithm",
            "journal": "Scandinavian Journal of Statistics",
            "volume": "35",
            "pages": "335--353",
            "year": "2008",
            "doi": "10.1111/j.1467-9469.2007.00585.x",
        },
    ),
    "kelly2009": (
        "article",
        {
            "author": "Kelly, Brandon C. and Bechtold, Jill and Siemiginowska, Aneta",
            "title": "Are the variations in quasar optical flux driven by thermal fluctuations?",
            "journal": "The Astrophysical Journal",
            "volume": "698",
            "pages": "895--910",
            "year": "2009",
            "doi": "10.1088/0004-637X/698/1/895",
        },
    ),
    "kozlowski2016": (
        "article",
        {
            "author": "Koz{\\l}owski, Szymon",
            "title": "Revisiting stochastic variability of {AGN}s with structure functions",
            "journal": "The Astrophysical Journal",
            "volume": "826",
            "pages": "118",
            "year": "2016",
            "doi": "10.3847/0004-637X/826/2/118",
        },
    ),
    "kozlowski2017": (
        "article",
        {
            "author": "Koz{\\l}owski, Szymon",
            "title": "Limitations on the recovery of the true {AGN} variability parameters using damped random walk modeling",
            "journal": "Astronomy \\& Astrophysics",
            "volume": "597",
            "pages": "A128",
            "year": "2017",
            "doi": "10.1051/0004-6361/201629890",
        },
    ),
    "montgomery1999": (
        "article",
        {
            "author": "Montgomery, M. H. and O'Donoghue, D.",
            "title": "A derivation of the errors for least squares fitting to time series data",
            "journal": "Delta Scuti Star Newsletter",
            "volume": "13",
            "pages": "28",
            "year": "1999",
        },
    ),
    "mortier2015": (
        "article",
        {
            "author": "Mortier, A. and Faria, J. P. and Correia, C. M. and Santerne, A. and "
            "Santos, N. C.",
            "title": "{BGLS}: A {B}ayesian formalism for the generalised {L}omb-{S}cargle "
            "periodogram",
            "journal": "Astronomy \\& Astrophysics",
            "volume": "573",
            "pages": "A101",
            "year": "2015",
            "doi": "10.1051/0004-6361/201424908",
        },
    ),
    "pymc2023": (
        "article",
        {
            "author": "Abril-Pla, Oriol and Andreani, Virgile and Carroll, Colin and others",
            "title": "{PyMC}: a modern, and comprehensive probabilistic programming framework in "
            "{P}ython",
            "journal": "PeerJ Computer Science",
            "volume": "9",
            "pages": "e1516",
            "year": "2023",
            "doi": "10.7717/peerj-cs.1516",
        },
    ),
    "vanderplas2015": (
        "article",
        {
            "author": "VanderPlas, Jacob T. and Ivezi{\\'c}, {\\v Z}eljko",
            "title": "Periodograms for multiband astronomical time series",
            "journal": "The Astrophysical Journal",
            "volume": "812",
            "pages": "18",
            "year": "2015",
            "doi": "10.1088/0004-637X/812/1/18",
        },
    ),
    "vanderplas2018": (
        "article",
        {
            "author": "VanderPlas, Jacob T.",
            "title": "Understanding the {L}omb-{S}cargle periodogram",
            "journal": "The Astrophysical Journal Supplement Series",
            "volume": "236",
            "pages": "16",
            "year": "2018",
            "doi": "10.3847/1538-4365/aab766",
        },
    ),
}
BIBTEX = {key: _entry(kind, key, **fields) for key, (kind, fields) in _ENTRIES.items()}
SAMPLERS = {
    "NUTS": ("hoffman2014", "pymc2023"),
    "Emcee": ("goodman2010", "emcee2013", "pymc2023"),
    "Exact": (),
    "Gibbs": (),
    "Laplace": (),
    "MAP": (),
}


def keys_of(estimator: Any) -> list[str]:
    """Keys for a task and, once it is fitted, its sampler and its data."""
    keys = list(estimator.references)
    if estimator.__sklearn_is_fitted__():
        record = estimator.record
        keys += SAMPLERS.get((record["sampler"] or {}).get("name", ""), ())
        keys.append(f"data:{record['data'].get('name', '')}")
    return keys


def bibtex(keys: list[str]) -> str:
    """The entries of `keys`, each once."""
    from bayes_astro.data.datasets import ENTRIES

    bundled = {f"data:{entry.name}": entry.bibtex for entry in ENTRIES}
    found = [BIBTEX.get(key, bundled.get(key, "")) for key in dict.fromkeys(keys)]
    return "\n\n".join(text.strip() for text in dict.fromkeys(found) if text)
