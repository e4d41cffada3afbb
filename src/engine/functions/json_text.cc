#include "engine/functions/json_text.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>
#include <vector>

#include "base/unicode.h"

namespace millrace::engine {
namespace {

using Text = std::string_view;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

Text SkipSpace(Text text) {
  while (!text.empty() && IsSpace(text[0])) text.remove_prefix(1);
  return text;
}

// Bytes of the string literal that starts at text[0] == '"', quotes included; 0: it has no end.
size_t StringLength(Text text) {
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      return i + 1;
  }
  return 0;
}

bool IsNumber(Text token) {
  double number = 0;
  const bool starts = !token.empty() && (token[0] == '-' || (token[0] >= '0' && token[0] <= '9'));
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), number);
  return starts && end == token.data() + token.size() && error != std::errc::invalid_argument;
}

size_t ScalarLength(Text text) {
  size_t size = 0;
  while (size < text.size() && !IsSpace(text[size]) &&
         Text(",:]}[{\"").find(text[size]) == Text::npos)
    ++size;
  const Text token = text.substr(0, size);
  const bool valid = token == "true" || token == "false" || token == "null" || IsNumber(token);
  return valid ? size : 0;
}

// Bytes of the value at the start of `text` (no space before); 0: there is none. Brackets must
// match; what stands between them is checked when it is walked.
size_t ValueLength(Text text) {
  if (text.empty()) return 0;
  if (text[0] == '"') return StringLength(text);
  if (text[0] != '{' && text[0] != '[') return ScalarLength(text);
  std::vector<bool> open;  // true: an object
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      const size_t size = StringLength(text.substr(i));
      if (size == 0) return 0;
      i += size - 1;
    } else if (c == '{' || c == '[') {
      open.push_back(c == '{');
    } else if (c == '}' || c == ']') {
      if (open.back() != (c == '}')) return 0;
      open.pop_back();
      if (open.empty()) return i + 1;
    }
  }
  return 0;
}

// One whole value with nothing behind it but space; empty: it is not.
Text WholeValue(Text json) {
  json = SkipSpace(json);
  const size_t size = ValueLength(json);
  return SkipSpace(json.substr(size)).empty() ? json.substr(0, size) : Text{};
}

std::optional<uint32_t> HexDigits(Text text) {
  uint32_t value = 0;
  if (text.size() < 4) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + 4, value, 16);
  return end == text.data() + 4 ? std::optional(value) : std::nullopt;
}

// Appends the character of the escape at text[at] (behind the backslash), moving `at` to its end.
void AppendEscape(Text text, size_t& at, std::string& to) {
  constexpr Text kLetters = "bfnrt";
  constexpr char kControls[] = "\b\f\n\r\t";
  const size_t control = kLetters.find(text[at]);
  if (control != Text::npos) {
    to += kControls[control];
    return;
  }
  const auto unit = text[at] == 'u' ? HexDigits(text.substr(at + 1)) : std::nullopt;
  if (!unit) {
    to += text[at];
    return;
  }
  at += 4;
  char32_t point = *unit;
  const bool pair = point >= 0xD800 && point < 0xDC00 && text.substr(at + 1).starts_with("\\u");
  const auto low = pair ? HexDigits(text.substr(at + 3)) : std::nullopt;
  if (low && *low >= 0xDC00 && *low < 0xE000) {
    point = 0x10000 + ((point - 0xD800) << 10) + (*low - 0xDC00);
    at += 6;
  }
  AppendCodePoint(point >= 0xD800 && point < 0xE000 ? 0xFFFD : point, to);
}

// The text of a string literal with its quotes.
std::string Unescaped(Text literal) {
  std::string text;
  const Text inside = literal.substr(1, literal.size() - 2);
  for (size_t at = 0; at < inside.size(); ++at) {
    if (inside[at] == '\\' && at + 1 < inside.size())
      AppendEscape(inside, ++at, text);
    else
      text += inside[at];
  }
  return text;
}

// `raw` without the white space outside of strings.
std::string Compact(Text raw) {
  std::string text;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '"') {
      const size_t size = StringLength(raw.substr(i));
      text += raw.substr(i, size);
      i += size - 1;
    } else if (!IsSpace(raw[i])) {
      text += raw[i];
    }
  }
  return text;
}

// Walks "value, value, ... ]" or the members of an object; f gets what stands before the comma.
template <typename F>
bool WalkItems(Text text, char close, F&& item) {
  text = SkipSpace(text.substr(1));
  if (text.starts_with(close)) return true;
  for (;;) {
    const size_t size = item(text);
    if (size == 0) return false;
    text = SkipSpace(text.substr(size));
    if (text.empty() || (text[0] != ',' && text[0] != close)) return false;
    if (text[0] == close) return true;
    text = SkipSpace(text.substr(1));
  }
}

bool WalkElements(Text array, const std::function<void(Text)>& f) {
  return WalkItems(array, ']', [&](Text text) {
    const size_t size = ValueLength(text);
    if (size > 0) f(text.substr(0, size));
    return size;
  });
}

bool WalkMembers(Text object, const std::function<void(std::string, Text)>& f) {
  return WalkItems(object, '}', [&](Text text) -> size_t {
    const size_t key_size = text.starts_with('"') ? StringLength(text) : 0;
    if (key_size == 0) return 0;
    Text rest = SkipSpace(text.substr(key_size));
    if (!rest.starts_with(':')) return 0;
    rest = SkipSpace(rest.substr(1));
    const size_t size = ValueLength(rest);
    if (size == 0) return 0;
    f(Unescaped(text.substr(0, key_size)), rest.substr(0, size));
    return static_cast<size_t>(rest.data() - text.data()) + size;
  });
}

// The raw value one step further; empty: absent.
Text Follow(Text value, const JsonStep& step) {
  Text found;
  int64_t index = 0;
  if (!step.name.empty() && value.starts_with('{')) {
    WalkMembers(value, [&](const std::string& key, Text member) {
      if (found.empty() && key == step.name) found = member;
    });
  } else if (step.index >= 0 && value.starts_with('[')) {
    WalkElements(value, [&](Text element) {
      if (index++ == step.index) found = element;
    });
  }
  return found;
}

// All values at the path, raw; [*] may give several.
void Collect(Text value, std::span<const JsonStep> path, std::vector<Text>& found) {
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i].any) {
      if (!value.starts_with('[')) return;
      WalkElements(value, [&](Text element) { Collect(element, path.subspan(i + 1), found); });
      return;
    }
    value = Follow(value, path[i]);
    if (value.empty()) return;
  }
  found.push_back(value);
}

}  // namespace

std::optional<std::vector<JsonStep>> ParseJsonPath(std::string_view text) {
  constexpr size_t kStepsMax = 100;
  if (!text.starts_with('$')) return std::nullopt;
  text.remove_prefix(1);
  std::vector<JsonStep> steps;
  while (!text.empty() && steps.size() < kStepsMax) {
    JsonStep step;
    if (text.starts_with("['")) {
      const size_t end = text.find("']");
      if (end == std::string_view::npos || end == 2) return std::nullopt;
      step.name = text.substr(2, end - 2);
      text.remove_prefix(end + 2);
    } else if (text.starts_with("[*]")) {
      step.any = true;
      text.remove_prefix(3);
    } else if (text.starts_with('[')) {
      const auto [end, error] =
          std::from_chars(text.data() + 1, text.data() + text.size(), step.index);
      const auto size = static_cast<size_t>(end - text.data());
      if (error != std::errc() || step.index < 0 || !text.substr(size).starts_with(']'))
        return std::nullopt;
      text.remove_prefix(size + 1);
    } else if (text.starts_with('.')) {
      const size_t end = std::min(text.find_first_of(".[", 1), text.size());
      if (end == 1) return std::nullopt;
      step.name = text.substr(1, end - 1);
      text.remove_prefix(end);
    } else {
      return std::nullopt;
    }
    steps.push_back(std::move(step));
  }
  return text.empty() ? std::optional(std::move(steps)) : std::nullopt;
}

std::optional<std::string> JsonAt(std::string_view json, const std::vector<JsonStep>& path) {
  const Text whole = WholeValue(json);
  std::vector<Text> found;
  if (!whole.empty()) Collect(whole, path, found);
  if (found.empty()) return std::nullopt;
  if (found.size() == 1) {
    if (found[0] == "null") return std::nullopt;
    return found[0].starts_with('"') ? Unescaped(found[0]) : Compact(found[0]);
  }
  std::string list = "[";
  for (const Text value : found) list.append(list.size() > 1 ? "," : "").append(Compact(value));
  return list + "]";
}

bool ForEachJsonElement(std::string_view json, const std::function<void(std::string_view)>& f) {
  const Text whole = WholeValue(json);
  return whole.starts_with('[') && WalkElements(whole, f);
}

bool ForEachJsonMember(std::string_view json,
                       const std::function<void(std::string, std::string_view)>& f) {
  const Text whole = WholeValue(json);
  return whole.starts_with('{') && WalkMembers(whole, f);
}

}  // namespace millrace::engine
