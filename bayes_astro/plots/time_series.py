"""Curves through light curves, and beyond them: what all tasks of light curves draw."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.data import light_curve_inputs as inputs
from bayes_astro.plots import style

__all__ = ["COLOURS", "draw_bands", "draw_points", "even", "forecast", "light_curve", "mixture"]

DRAWS = 200
COLOURS = ("blue", "vermilion", "green", "purple", "sky", "orange")
LEVELS = (0.025, 0.16, 0.5, 0.84, 0.975)
AHEAD = 0.2  # of the time span, of a forecast
FINEST = 2000  # times of a curve
CYCLE = 12  # times in a period


def light_curve(model: Any, at: Any = None, period: float | None = None) -> style.Drawing:
    """The data and the 68 and 95% bands of the noiseless curve, one panel for each band.

    `at`: times, at which the curve is drawn.
    """
    data = model.data
    time = even(data, period) if at is None else np.unique(inputs.times(data, at)[0])
    predicted = model.predict(time, draws=draws_for(time), seed=0)
    axes = _panels(data)
    for i, axis in enumerate(axes):
        bands = _curves(predicted, i, len(axes))
        draw_bands(axis, time, bands, COLOURS[i % len(COLOURS)])
        _finish(axis, data, i)
    return _labelled(axes, data)


def forecast(
    model: Any, at: Any = None, *, ahead: float | None = None, before: float = np.inf,
    period: float | None = None, series: bool = False,
) -> style.Drawing:  # fmt: skip
    """The data, the curve through them, and what is expected of it after the last observation.

    Bands hold 68 and 95% of the noiseless curve; one panel for each band. The forecast reaches a
    fifth of the time span ahead.

    `at`: times to which it reaches; or a LightCurve of later observations, which are drawn beside
    it.
    """  # fmt: skip
    data, later = model.data, None
    last = float(data.time[-1])
    if at is None:
        end = last + (AHEAD * float(np.ptp(data.time)) if ahead is None else ahead)
    else:
        later = at if isinstance(at, LightCurve) else None
        end = float(np.max(inputs.times(data, at)[0], initial=-np.inf))
        if not end > last:
            raise ValueError(
                f"at: a forecast needs times after the last observation, {last:.10g} "
                f"{data.time_unit}; got none. plot('light_curve', at=...) draws the curve anywhere."
            )
    past = even(data, period, first=last - before)
    past = past[past < last]
    step = min(float(np.median(np.diff(past))), (end - last) / 60)
    future = np.linspace(last, end, int(np.clip((end - last) / step, 60, FINEST)))
    time = np.concatenate([past, future])
    curves = _of_each(model, time, series)
    axes = _panels(data)
    for i, axis in enumerate(axes):
        bands = curves[i]
        known = time <= last
        draw_bands(axis, time[known], bands[:, known], "blue")
        draw_bands(axis, future, bands[:, -len(future) :], "vermilion", "forecast")
        axis.axvline(last, color=style.COLOURS["grey"], linestyle=":", linewidth=0.8)
        if later is not None:
            chosen = _rows(later, data, i)
            draw_points(axis, later, chosen, "black", "later data", hollow=True)
        _finish(axis, data, i)
        first = max(float(data.time[0]), last - before)
        axis.set_xlim(first - 0.02 * (end - first), end)
    return _labelled(axes, data)


def _of_each(model: Any, time: np.ndarray, series: bool) -> list[np.ndarray]:
    """Quantiles of the curve in every band; of an ensemble each series is asked for by its name."""
    data, names, count = model.data, _bands(model.data), draws_for(time)
    if len(names) == 1 or not series:
        predicted = model.predict(time, draws=count, seed=0)
        return [_curves(predicted, i, len(names)) for i in range(len(names))]
    found = []
    for name in names:
        at = LightCurve(
            time, np.arange(len(time), dtype=float), np.ones(len(time)),
            band=np.full(len(time), name), time_unit=data.time_unit, value_unit=data.value_unit,
        )  # fmt: skip
        found.append(_curves(model.predict(at, draws=count, seed=0), 0, 1))
    return found


def draws_for(time: np.ndarray) -> int:
    """Fewer draws where there are many times: a curve is drawn in a second or two."""
    return int(np.clip(1e5 / len(time), 60, DRAWS))


def _bands(data: Any) -> tuple[str, ...]:
    """Bands in order; one without a name, or the only one."""
    return tuple(sorted(data.bands)) or ("",)


def _panels(data: Any) -> Any:
    count = len(_bands(data))
    return style.panels(
        min(1.2, (0.38 if not style.narrow() else 0.6) * count + 0.12), count, sharex=True
    )


def _rows(data: Any, fitted: Any, i: int) -> Any:
    """Rows of a light curve that belong to the panel of a band."""
    names = _bands(fitted)
    if len(names) == 1 or data.band is None:
        return np.full(len(data), len(names) == 1 or i == 0)
    return data.band == names[i]


def _finish(axis: Any, data: Any, i: int) -> None:
    """The data themselves, the name of the band, brightness upwards."""
    draw_points(axis, data, _rows(data, data, i))
    axis.set_ylabel(style.axis_label(_bands(data)[i] or "value", data.value_unit))
    if data.is_magnitude and not axis.yaxis_inverted():
        axis.invert_yaxis()


def _labelled(axes: Any, data: Any) -> style.Drawing:
    for axis in axes if style.given() else axes[-1:]:
        style.label_times(axis, data)
    style.legend_above(axes[0])
    return axes[0].figure


def draw_points(
    axis: Any, data: Any, rows: Any, colour: str = "black", label: str = "data", *,
    hollow: bool = False, less: Any = 0.0, time: Any = None,
) -> None:  # fmt: skip
    """Values with their error bars, perhaps less something, at other abscissae."""
    axis.errorbar(
        (data.time if time is None else time)[rows],
        (data.value - less)[rows],
        data.error[rows],
        fmt="o",
        ms=2.5 if hollow else 2,
        mfc="white" if hollow else None,
        mew=0.6 if hollow else None,
        color=style.COLOURS[colour],
        elinewidth=0.5,
        label=label,
        zorder=1 if not hollow else 3,
    )


def draw_bands(
    axis: Any, x: np.ndarray, bands: np.ndarray, colour: str, name: str = "curve"
) -> None:
    """Five quantiles as two bands and a line."""
    wide = bool(np.any(bands[0] < bands[4]))  # a single draw has no bands
    for label, (low, high), alpha in (("95%", (0, 4), 0.2), ("68%", (1, 3), 0.35)) if wide else ():
        axis.fill_between(
            x, bands[low], bands[high], color=style.COLOURS[colour], alpha=alpha, linewidth=0,
            label=f"{name}, {label}",
        )  # fmt: skip
    axis.plot(x, bands[2], color=style.COLOURS[colour], linewidth=0.8, label=f"{name}, median")


def _curves(predicted: Any, i: int, count: int) -> np.ndarray:
    """Quantiles of the noiseless curve in a band."""
    size = predicted.sizes["row"] // count
    rows = predicted.isel(row=slice(i * size, (i + 1) * size))
    if "mean" in rows:
        # The curve's draws scatter about their means: the mixture over the draws is smooth.
        return mixture(rows["mean"].values, rows["sd"].values)
    return np.quantile(rows["signal"].values.reshape(-1, size), LEVELS, axis=0)


def mixture(mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """2.5, 16, 50, 84 and 97.5% of the mixture of normals over the draws, by bisection."""
    from scipy.special import ndtr

    mean, sd = mean.reshape(-1, mean.shape[-1]), sd.reshape(-1, sd.shape[-1])
    sd = np.maximum(sd, 1e-12 * np.max(sd) + 1e-300)
    wanted = np.array(LEVELS)[:, None]
    low = np.broadcast_to((mean - 6 * sd).min(axis=0), (5, mean.shape[1])).copy()
    high = np.broadcast_to((mean + 6 * sd).max(axis=0), (5, mean.shape[1])).copy()
    for _ in range(40):
        middle = 0.5 * (low + high)
        below = np.array([ndtr((row - mean) / sd).mean(axis=0) for row in middle]) < wanted
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)


def even(
    data: Any, period: float | None = None, count: int = 600, first: float = -np.inf
) -> np.ndarray:
    """Even times with a margin, and the observed ones: gaps are seen, and so are the data.

    With a period enough of them for every cycle, as far as that can be drawn.
    """
    observed = np.unique(data.time)
    observed = observed[observed >= first]
    reach = 0.03 * np.ptp(data.time)
    ends = max(float(data.time[0] - reach), first), float(data.time[-1] + reach)
    if period is not None:
        count = int(np.clip(CYCLE * (ends[1] - ends[0]) / period, count, FINEST))
    if len(observed) > 2 * count:
        observed = observed[:: len(observed) // count]
    return np.unique(np.concatenate([np.linspace(*ends, count), observed]))
