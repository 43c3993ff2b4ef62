// The few :shortcodes: that the bot and its users write, as characters. An unknown one stays as it was typed.

const CHARACTERS = {
  alarm_clock: "⏰", arrow_forward: "▶️", arrow_right: "➡️", ballot_box_with_check: "☑️", bar_chart: "📊",
  bell: "🔔", black_circle: "⚫", black_circle_for_record: "⏺️", black_square_for_stop: "⏹️", bulb: "💡",
  bust_in_silhouette: "👤", clock1: "🕐", double_vertical_bar: "⏸️", exclamation: "❗", eyes: "👀",
  grey_question: "❔", headphones: "🎧", heavy_check_mark: "✔️", hourglass: "⌛", hourglass_flowing_sand: "⏳",
  information_source: "ℹ️", large_blue_circle: "🔵", large_green_circle: "🟢", large_orange_circle: "🟠",
  large_yellow_circle: "🟡", link: "🔗", lock: "🔒", mag: "🔍", memo: "📝", no_entry: "⛔", no_entry_sign: "🚫",
  pause_button: "⏸️", question: "❓", record_button: "⏺️", red_circle: "🔴", repeat: "🔁", rotating_light: "🚨",
  scroll: "📜", shield: "🛡️", stop_button: "⏹️", stopwatch: "⏱️", studio_microphone: "🎙️",
  telephone_receiver: "📞", thumbsup: "👍", tada: "🎉", timer_clock: "⏲️", twisted_rightwards_arrows: "🔀", unlock: "🔓", warning: "⚠️", wave: "👋",
  white_check_mark: "✅", white_circle: "⚪", x: "❌", zap: "⚡",
};

/** The character for a shortcode without its colons, or null. */
export function emoji(name) {
  return CHARACTERS[name.toLowerCase()] ?? null;
}

/** Replace the shortcodes in a piece of plain text. */
export function withEmoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/gi, (whole, name) => emoji(name) ?? whole);
}
