//! What may be configured, its defaults, and what is done with a bad value: the default takes its place.

/// The largest buffer of a pool by fixed size, in bytes.
pub const LARGEST: u32 = 262_144;
/// The most buffers that may be asked for in an overflow tier.
pub const MOST: u32 = 4096;

/// How many words the settings are.
pub const FIELDS: usize = 12;

/// The settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of an audio frame: the size of the frame pool, and of a pool that was asked for with a bad size.
    pub frame_size: u32,
    /// Bytes of a control message: the size of the control pool.
    pub control_size: u32,
    /// The most buffers in a pool's overflow tier, 1 to [`MOST`].
    pub max_buffers: u32,
    /// How much of that is preallocated, in percent; half of it for buffers larger than a frame.
    pub prealloc_percent: u32,
    /// What a rate is multiplied with: 100 makes percent.
    pub multiplier: u32,
    /// How long an unused thread cache is kept, in ms.
    pub cache_ttl_ms: u32,
    /// The most thread caches over all pools.
    pub max_caches: u32,
    /// How long after a cleaning the next one is due, in ms.
    pub clean_ms: u32,
    /// How often the cleaner looks whether one is due, in ms.
    pub tick_ms: u32,
    /// A latency above this is high, in µs.
    pub high_latency_us: u32,
    /// A latency older than this counts no more, in ms.
    pub latency_age_ms: u32,
    /// Whether gets and puts are timed.
    pub measure: bool,
}

impl Settings {
    /// What holds until something else is set.
    pub const DEFAULT: Settings = Settings {
        frame_size: 1500,
        control_size: 17,
        max_buffers: 100,
        prealloc_percent: 20,
        multiplier: 100,
        cache_ttl_ms: 60_000,
        max_caches: 500,
        clean_ms: 30_000,
        tick_ms: 10_000,
        high_latency_us: 10_000,
        latency_age_ms: 5_000,
        measure: false,
    };

    /// The fields as words.
    pub const fn words(&self) -> [u32; FIELDS] {
        [
            self.frame_size,
            self.control_size,
            self.max_buffers,
            self.prealloc_percent,
            self.multiplier,
            self.cache_ttl_ms,
            self.max_caches,
            self.clean_ms,
            self.tick_ms,
            self.high_latency_us,
            self.latency_age_ms,
            self.measure as u32,
        ]
    }

    /// The fields from words.
    pub const fn from_words(words: [u32; FIELDS]) -> Settings {
        let [
            frame_size,
            control_size,
            max_buffers,
            prealloc_percent,
            multiplier,
            cache_ttl_ms,
            max_caches,
            clean_ms,
            tick_ms,
            high_latency_us,
            latency_age_ms,
            measure,
        ] = words;
        Settings {
            frame_size,
            control_size,
            max_buffers,
            prealloc_percent,
            multiplier,
            cache_ttl_ms,
            max_caches,
            clean_ms,
            tick_ms,
            high_latency_us,
            latency_age_ms,
            measure: measure != 0,
        }
    }

    /// Every bad field replaced by its default: sizes from 1 to [`LARGEST`], at most [`MOST`] buffers, at most 100
    /// percent, times of at most a day; nothing but the percentage, the thresholds and the switch may be 0.
    pub fn validated(self) -> Settings {
        const DAY: u32 = 86_400_000;
        let within = |value: u32, least: u32, most: u32, default: u32| {
            if (least..=most).contains(&value) { value } else { default }
        };
        let default = Settings::DEFAULT;
        Settings {
            frame_size: within(self.frame_size, 1, LARGEST, default.frame_size),
            control_size: within(self.control_size, 1, LARGEST, default.control_size),
            max_buffers: within(self.max_buffers, 1, MOST, default.max_buffers),
            prealloc_percent: within(self.prealloc_percent, 0, 100, default.prealloc_percent),
            multiplier: within(self.multiplier, 1, 1_000_000, default.multiplier),
            cache_ttl_ms: within(self.cache_ttl_ms, 1, DAY, default.cache_ttl_ms),
            max_caches: within(self.max_caches, 8, 1 << 20, default.max_caches),
            clean_ms: within(self.clean_ms, 2, DAY, default.clean_ms),
            tick_ms: within(self.tick_ms, 1, DAY, default.tick_ms),
            high_latency_us: self.high_latency_us,
            latency_age_ms: within(self.latency_age_ms, 0, DAY, default.latency_age_ms),
            measure: self.measure,
        }
    }

    /// The size of a pool that was asked for with `size`.
    pub fn buffer_size(&self, size: usize) -> u32 {
        match u32::try_from(size) {
            Ok(size) if (1..=LARGEST).contains(&size) => size,
            _ => self.frame_size,
        }
    }

    /// How many buffers a pool of this size is made with, out of at most `max`.
    pub fn preallocated(&self, size: u32, max: u32) -> u32 {
        let share = max * self.prealloc_percent / 100;
        if size <= self.frame_size { share } else { share / 2 }
    }

    /// `part` of `whole` as a rate: hundredths of a percent with the default multiplier; 0 of nothing.
    pub fn rate(&self, part: u64, whole: u64) -> u32 {
        if whole == 0 {
            return 0;
        }
        // Large counts lose their low bits, not their high ones.
        let shift = 28u32.saturating_sub(whole.leading_zeros());
        let rate = (part >> shift) * u64::from(self.multiplier) * 100 / (whole >> shift);
        u32::try_from(rate).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Settings = Settings::DEFAULT;

    #[test]
    fn a_bad_size_falls_back_to_the_frame_size() {
        for (size, got) in [(0, 1500), (1, 1), (17, 17), (262_144, 262_144), (262_145, 1500), (usize::MAX, 1500)] {
            assert_eq!(S.buffer_size(size), got, "{size}");
        }
    }

    #[test]
    fn bad_fields_become_their_defaults_and_good_ones_stay() {
        let bad = Settings {
            frame_size: 0,
            control_size: LARGEST + 1,
            max_buffers: 0,
            prealloc_percent: 101,
            multiplier: 0,
            cache_ttl_ms: 0,
            max_caches: 0,
            clean_ms: 0,
            tick_ms: 0,
            high_latency_us: 0,
            latency_age_ms: u32::MAX,
            measure: true,
        };
        let got = bad.validated();
        assert_eq!(got, Settings { high_latency_us: 0, measure: true, ..S });
        assert_eq!(got.validated(), got);
        assert_eq!(Settings::from_words(S.words()), S);
    }

    #[test]
    fn a_fifth_is_preallocated_up_to_the_frame_size_and_a_tenth_above() {
        assert_eq!(S.preallocated(17, 100), 20);
        assert_eq!(S.preallocated(1500, 100), 20);
        assert_eq!(S.preallocated(1501, 100), 10);
        assert_eq!(S.preallocated(1500, 1), 0);
    }

    #[test]
    fn rates_are_exact_at_any_count_and_zero_of_nothing() {
        assert_eq!(S.rate(0, 0), 0);
        assert_eq!(S.rate(1, 2), 5000);
        assert_eq!(S.rate(2, 3), 6666);
        assert_eq!(S.rate(u64::MAX, u64::MAX), 10_000);
        assert_eq!(S.rate(u64::MAX / 2 + 1, u64::MAX), 5000);
    }
}
