"""conf - lines of a configuration file for a trial: keys, and times that only a trial may change."""

TIMES = ("confirm", "patience", "final", "excuse", "grace", "probe_interval", "unwell_tail", "delay_window",
         "known_window", "pool_accepted", "listing_least", "listing_most", "watched_days")


def keys(options):
    """options are keys of the file; times of the section lab go there."""
    times = {k: v for k, v in options.items() if k in TIMES}
    text = "lab = true\n" + "".join(f"{k} = {v}\n" for k, v in options.items() if k not in times)
    return text + ("lab {\n" + "".join(f"  {k} = {v}\n" for k, v in times.items()) + "}\n" if times else "")
