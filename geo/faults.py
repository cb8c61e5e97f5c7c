"""Signs of a fault of one phone, or of a made-up track, on fixes as they came.

Each can come from an innocent failure, so each is for a person to look at, and never a verdict.
Thresholds come from measurements on simulated faulty phones and on honest ones: a replayed track
lies 1.6 m from its smoothed self and has an accuracy that never changes (honest phones 5.8 to
7.3 m, 2.8 m under an open sky, and an accuracy that moves by 3.5 to 10 m); a teleport is hundreds
of metres a second. At corners the smoother itself errs by metres, so the roughness of a track is
measured too. How apps make up places is documented by OwnTracks (pings) and Colota (anchors).
"""

import numpy as np

from geo.smoothing import Smooth
from geo.track import Bools, Fault, Fixes, Floats, Ints

# A leap of a kilometre and more at a speed that no car reaches in a town.
TELEPORT_M = 1000.0
TELEPORT_MPS = 70.0

# A place sent again, while the fixes before and after are this far off. A longer run at one place
# is a stay.
RESENT_M = 50.0
RESENT_FIXES = 3

# The centre of a pause zone, sent a second before the first real fix (Colota).
ANCHOR_SILENCE_S = 60.0
ANCHOR_LEAD_S = 1.5
ANCHOR_LEAST_M = 20.0

# A replayed track: its root mean square from the smoothed one is 1.6 m, the best honest phones'
# 2.8 m; its roughness is 0 (to the rounding of degrees), theirs 2.0 m and more.
REPLAY_FIXES = 60
REPLAY_RESIDUAL_M = 2.2
REPLAY_ROUGHNESS_M = 0.3
REPLAY_ACCURACY_STD_M = 0.05
ROUGH_GAP_S = 30.0

# A clock that is wrong by a constant.
CLOCK_FIXES = 20
CLOCK_SLOW_S = 120.0
CLOCK_STEADY_S = 30.0


def steps(fixes: Fixes) -> tuple[Floats, Floats]:
    """Metres and seconds from each fix to the next, (n - 1,); NaN across two tracks."""
    same = np.diff(fixes.track) == 0
    metres = np.where(same, np.hypot(np.diff(fixes.x_m), np.diff(fixes.y_m)), np.nan)
    return metres, np.where(same, np.diff(fixes.t_s), np.nan)


def teleports(fixes: Fixes) -> tuple[Ints, Floats]:
    """Where a track leaps a kilometre and more faster than any car: indices of the fixes after
    such leaps, and their speeds in m/s.

    Fixes without a time of their own, and those that the phone itself calls inaccurate (a mast
    instead of GNSS), leap honestly and are left out.
    """
    looked = np.flatnonzero(fixes.fault & (Fault.NO_TIME | Fault.INACCURATE) == 0)
    metres, seconds = steps(fixes.take(looked))
    with np.errstate(invalid="ignore"):
        speed = metres / np.maximum(seconds, 1.0)
        found = np.flatnonzero((metres >= TELEPORT_M) & (speed >= TELEPORT_MPS))
    return looked[found + 1], speed[found]


def resent(fixes: Fixes) -> Bools:
    """Fixes that repeat an earlier place to the centimetre while the person is elsewhere, (n,).

    Up to three in a row, with fixes more than 50 m away before and after, and an earlier fix of the
    same track at exactly that place. A phone that stands still may repeat itself; nobody is back
    for seconds to the centimetre.
    """
    found = np.zeros(len(fixes), dtype=np.bool_)
    metres, _ = steps(fixes)
    cut = np.ones(len(fixes) + 1, dtype=np.bool_)
    cut[1:-1] = ~(metres <= RESENT_M)
    first = np.flatnonzero(cut)
    # Stretches without a leap of 50 m; a resent place is a short one between two others.
    size = np.diff(first)
    for k in np.flatnonzero(size <= RESENT_FIXES).tolist():
        lo, hi = int(first[k]), int(first[k + 1])
        inner = lo > 0 and hi < len(fixes) and fixes.track[lo - 1] == fixes.track[hi]
        if not inner or fixes.track[lo] != fixes.track[hi]:
            continue
        begin = int(np.searchsorted(fixes.track, fixes.track[lo]))
        for i in range(lo, hi):
            before = slice(begin, lo)
            again = (fixes.x_m[before] == fixes.x_m[i]) & (fixes.y_m[before] == fixes.y_m[i])
            found[i] = bool(again.any())
    return found


def anchors(fixes: Fixes) -> Bools:
    """Fixes that look like the centre of a pause zone, (n,).

    After a minute of silence and at most 1.5 s before the next fix, with an accuracy in whole
    metres, 20 m at least and twice that of the next: the zone's radius.
    """
    found = np.zeros(len(fixes), dtype=np.bool_)
    if len(fixes) < 3:
        return found
    _, seconds = steps(fixes)
    with np.errstate(invalid="ignore"):
        late = ~(seconds[:-1] < ANCHOR_SILENCE_S)  # the first of a track follows a silence too
        lead = seconds[1:] <= ANCHOR_LEAD_S
        here, then = fixes.accuracy_m[1:-1], fixes.accuracy_m[2:]
        radius = (here >= ANCHOR_LEAST_M) & (here == np.round(here)) & (here >= 2 * then)
    found[1:-1] = late & lead & radius
    return found


def residuals(fixes: Fixes, smoothed: Smooth) -> tuple[Ints, Floats]:
    """Index of each usable fix and where it lies from its smoothed place, (m, 2) in metres."""
    index = np.flatnonzero(fixes.usable)
    away = np.column_stack((fixes.x_m[index] - smoothed.x_m, fixes.y_m[index] - smoothed.y_m))
    return index, away


def roughness(t_s: Floats, x_m: Floats, y_m: Floats) -> float:
    """Median distance in metres of fixes, (n,), from where they would lie between their two
    neighbours at even speed; NaN without three fixes in a row, 30 s apart at most."""
    if len(t_s) < 3:
        return float("nan")
    whole = t_s[2:] - t_s[:-2]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (t_s[1:-1] - t_s[:-2]) / whole
    fits = (whole > 0) & (whole <= 2 * ROUGH_GAP_S)
    off = [v[1:-1] - v[:-2] - share * (v[2:] - v[:-2]) for v in (x_m, y_m)]
    return float(np.median(np.hypot(*off)[fits])) if fits.any() else float("nan")


def replayed(fixes: Fixes, away_m: Floats) -> float | None:
    """Whether one person's fixes in motion, (n,), with their residuals (n, 2), are a noise-free
    replay: the roughness in metres if so, None if not.

    Two signs must be there: an accuracy that never changes (or is never given), and a track that is
    too smooth, by its roughness or by its distance from the smoothed one. Standing phones are not
    asked: many report one place while still.
    """
    if len(fixes) < REPLAY_FIXES:
        return None
    known = fixes.accuracy_m[~np.isnan(fixes.accuracy_m)]
    if len(known) and float(known.std()) > REPLAY_ACCURACY_STD_M:
        return None
    rough = roughness(fixes.t_s, fixes.x_m, fixes.y_m)
    rms = float(np.sqrt((away_m**2).sum(axis=1).mean()))
    return rough if rough < REPLAY_ROUGHNESS_M or rms < REPLAY_RESIDUAL_M else None


def clock_error(t_s: Floats, received_s: Floats) -> float | None:
    """Seconds by which a phone's clock is slow (> 0); None if it seems right or one cannot tell.

    Every fix of a slow clock is received late by the same amount: the fastest twentieth and the
    median lie within 30 s of each other, and both are 2 min late at least. Uploads after a silence
    are late by different amounts.
    """
    if len(t_s) < CLOCK_FIXES:
        return None
    fast, middle = np.percentile(received_s - t_s, (5, 50))
    if fast >= CLOCK_SLOW_S and middle - fast <= CLOCK_STEADY_S:
        return float(fast)
    return None
