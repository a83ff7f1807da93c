"""The public names of the library, as its users know them: after ``ba.``."""

import types

import bayes_astro as ba


def public():
    """What each stands for; those of public modules with the module before them."""
    found = {name: getattr(ba, name) for name in ba.__all__}
    modules = {name: one for name, one in found.items() if isinstance(one, types.ModuleType)}
    for name, module in modules.items():
        found |= {f"{name}.{inner}": getattr(module, inner) for inner in module.__all__}
    return {name: one for name, one in found.items() if name not in modules}
