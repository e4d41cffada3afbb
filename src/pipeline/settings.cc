#include "pipeline/settings.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "sql/source_text.h"

namespace millrace::pipeline {
namespace {

struct Unit {
  std::string_view name;
  int64_t size;
};
constexpr Unit kDurationUnits[] = {{"us", 1},       {"ms", 1000},      {"s", 1000000},
                                   {"m", 60000000}, {"h", 3600000000}, {"d", 86400000000}};
constexpr Unit kSizeUnits[] = {{"KiB", 1 << 10},          {"MiB", 1 << 20}, {"GiB", 1 << 30},
                               {"TiB", int64_t{1} << 40}, {"kB", 1000},     {"MB", 1000000},
                               {"GB", 1000000000},        {"B", 1},         {"", 1}};

std::optional<int64_t> ParseWithUnit(std::string_view text, std::span<const Unit> units) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  std::string_view rest(end, static_cast<size_t>(text.data() + text.size() - end));
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  for (const Unit& unit : units) {
    if (rest != unit.name) continue;
    const double value = number * static_cast<double>(unit.size);
    if (value > 9e18) return std::nullopt;
    return static_cast<int64_t>(std::llround(value));
  }
  if (rest.empty() && number == 0) return 0;
  return std::nullopt;
}

std::optional<int64_t> ParseInteger(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<bool> ParseBoolean(std::string_view text) {
  if (text == "true" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "no" || text == "off") return false;
  return std::nullopt;
}

std::optional<double> ParseReal(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number))
    return std::nullopt;
  return number;
}

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t at = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, at));
    text.remove_prefix(std::min(at + 1, text.size()));
  }
  return parts;
}

std::string_view KindName(SettingKind kind) {
  switch (kind) {
    case SettingKind::kInteger:
      return "a whole number";
    case SettingKind::kReal:
      return "a number";
    case SettingKind::kBoolean:
      return "true or false";
    case SettingKind::kDuration:
      return "a duration such as 250ms, 5s, 10m, 2h or 7d";
    case SettingKind::kSize:
      return "a size such as 64KiB, 16MiB or 1GiB";
    case SettingKind::kSecret:
      return "env:NAME or file:PATH";
    case SettingKind::kMap:
      return "a map of keys";
    case SettingKind::kList:
      return "a list";
    default:
      return "text";
  }
}

std::string JoinPattern(std::string_view pattern, std::string_view member) {
  return pattern.empty() ? std::string(member) : fmt::format("{}.{}", pattern, member);
}

// Walks a document beside the table.
class Checker {
 public:
  Checker(const std::string& file, Problems& problems) : file_(file), problems_(problems) {}

  void Map(const Node& node, const std::string& pattern) {
    const std::vector<std::string> known = MembersOf(pattern);
    const bool any_name = std::ranges::find(known, "*") != known.end();
    for (const auto& [key, child] : node.members) {
      const std::string exact = JoinPattern(pattern, key);
      if (FindSetting(exact) != nullptr) {
        Member(child, exact, key);
      } else if (any_name) {
        Member(child, JoinPattern(pattern, "*"), key);
      } else {
        Unknown(key, child, known, pattern);
      }
    }
    for (const std::string& name : known) {
      const Setting* setting = FindSetting(JoinPattern(pattern, name));
      if (setting->required && node.Find(name) == nullptr) {
        Report(node.key_where.line > 1 || node.key_where.column > 1 ? node.key_where : node.where,
               fmt::format("\"{}\" is missing", name), std::string(setting->summary));
      }
    }
  }

 private:
  void Unknown(const std::string& key, const Node& child, const std::vector<std::string>& known,
               std::string_view pattern) {
    const std::string nearest = sql::NearestName(key, known);
    std::string all;
    for (const std::string& name : known) all += (all.empty() ? "" : ", ") + name;
    Report(child.key_where,
           fmt::format("unknown key \"{}\"{}", key,
                       pattern.empty() ? "" : fmt::format(" in {}", pattern)),
           nearest.empty() ? fmt::format("known here: {}", all)
                           : fmt::format("did you mean \"{}\"?", nearest));
  }

  void Member(const Node& node, const std::string& pattern, const std::string& key) {
    const Setting& setting = *FindSetting(pattern);
    if (node.kind == Node::Kind::kNull) {
      if (setting.kind != SettingKind::kMap && setting.kind != SettingKind::kList) {
        Report(node.key_where, fmt::format("\"{}\" has no value", key),
               fmt::format("write {}, or remove the key", KindName(setting.kind)));
      } else if (setting.kind == SettingKind::kMap) {
        Map(node, pattern);
      }
      return;
    }
    if (setting.kind == SettingKind::kJson) return;
    if (setting.kind == SettingKind::kMap) return MapValue(node, pattern, key);
    if (setting.kind == SettingKind::kList) return ListValue(node, pattern, key);
    if (node.kind != Node::Kind::kScalar) {
      Report(node.where, fmt::format("\"{}\" must be {}", key, KindName(setting.kind)), "");
      return;
    }
    Scalar(node, setting, key);
  }

  void MapValue(const Node& node, const std::string& pattern, const std::string& key) {
    if (node.kind != Node::Kind::kMap) {
      Report(node.where, fmt::format("\"{}\" must be a map of keys", key), "");
      return;
    }
    Map(node, pattern);
  }

  void ListValue(const Node& node, const std::string& pattern, const std::string& key) {
    const std::string item_pattern = pattern + ".[]";
    if (node.kind == Node::Kind::kScalar && FindSetting(item_pattern)->kind != SettingKind::kMap) {
      Scalar(node, *FindSetting(item_pattern), key);  // one item may be written without its list
      return;
    }
    if (node.kind != Node::Kind::kList) {
      Report(node.where, fmt::format("\"{}\" must be a list", key), "");
      return;
    }
    for (const Node& item : node.items) Member(item, item_pattern, key);
  }

  void Scalar(const Node& node, const Setting& setting, const std::string& key) {
    if (node.unresolved) return;
    std::optional<int64_t> number;
    bool good = true;
    switch (setting.kind) {
      case SettingKind::kInteger:
        good = (number = ParseInteger(node.text)).has_value();
        break;
      case SettingKind::kDuration:
        good = (number = ParseDuration(node.text)).has_value();
        break;
      case SettingKind::kSize:
        good = (number = ParseSize(node.text)).has_value();
        break;
      case SettingKind::kReal:
        good = ParseReal(node.text).has_value();
        break;
      case SettingKind::kBoolean:
        good = ParseBoolean(node.text).has_value();
        break;
      case SettingKind::kSecret:
        good = node.text.starts_with("env:") || node.text.starts_with("file:");
        break;
      case SettingKind::kChoice:
        return Choice(node, setting, key);
      default:
        break;
    }
    if (!good) {
      // A secret that was written into the file by mistake is not repeated in the message.
      const std::string shown =
          setting.kind == SettingKind::kSecret ? "" : fmt::format(", not \"{}\"", node.text);
      Report(node.where, fmt::format("\"{}\" must be {}{}", key, KindName(setting.kind), shown),
             "");
    } else if (number && (*number < setting.least || *number > setting.most)) {
      Report(node.where, fmt::format("\"{}\" is {}, {}", key, node.text, RangeText(setting)), "");
    }
  }

  void Choice(const Node& node, const Setting& setting, const std::string& key) {
    const std::vector<std::string> choices = Split(setting.choices, '|');
    if (std::ranges::find(choices, node.text) != choices.end()) return;
    std::string all;
    for (const std::string& choice : choices) all += (all.empty() ? "" : ", ") + choice;
    const std::string nearest = sql::NearestName(node.text, choices);
    Report(node.where, fmt::format("\"{}\" must be one of {}, not \"{}\"", key, all, node.text),
           nearest.empty() ? "" : fmt::format("did you mean \"{}\"?", nearest));
  }

  static std::string RangeText(const Setting& setting) {
    const auto show = [&](int64_t value) {
      return setting.kind == SettingKind::kDuration ? FormatDuration(value) : std::to_string(value);
    };
    if (setting.most == INT64_MAX) return fmt::format("at least {} is needed", show(setting.least));
    if (setting.least == INT64_MIN) return fmt::format("at most {} is allowed", show(setting.most));
    return fmt::format("must be within {} and {}", show(setting.least), show(setting.most));
  }

  void Report(sql::Location where, std::string message, std::string suggestion) {
    problems_.push_back({file_, where, std::move(message), std::move(suggestion)});
  }

  const std::string& file_;
  Problems& problems_;
};

}  // namespace

const Setting* FindSetting(std::string_view path) {
  static const auto* kByPath = [] {
    auto* map = new std::unordered_map<std::string_view, const Setting*>;
    for (const Setting& setting : AllSettings()) map->emplace(setting.path, &setting);
    return map;
  }();
  const auto found = kByPath->find(path);
  return found == kByPath->end() ? nullptr : found->second;
}

std::vector<std::string> MembersOf(std::string_view path) {
  std::vector<std::string> members;
  const std::string prefix = path.empty() ? "" : fmt::format("{}.", path);
  for (const Setting& setting : AllSettings()) {
    if (!setting.path.starts_with(prefix) || setting.path.size() == prefix.size()) continue;
    const std::string_view rest = setting.path.substr(prefix.size());
    if (rest.find('.') == std::string_view::npos) members.emplace_back(rest);
  }
  return members;
}

std::optional<int64_t> ParseDuration(std::string_view text) {
  return ParseWithUnit(text, kDurationUnits);
}
std::optional<int64_t> ParseSize(std::string_view text) { return ParseWithUnit(text, kSizeUnits); }

std::string FormatDuration(int64_t micros) {
  for (size_t i = std::size(kDurationUnits); i-- > 1;) {
    const Unit& unit = kDurationUnits[i];
    if (micros != 0 && micros % unit.size == 0)
      return fmt::format("{}{}", micros / unit.size, unit.name);
  }
  return micros == 0 ? "0s" : fmt::format("{}us", micros);
}

void CheckAgainstSettings(const std::string& file, const Node& root, Problems& problems) {
  if (root.kind != Node::Kind::kMap) {
    problems.push_back({file, root.where, "the project file must be a map of keys",
                        "see `millrace init` for one that runs"});
    return;
  }
  Checker(file, problems).Map(root, "");
}

const Node* Section::Find(std::string_view name) const {
  const Node* found = node_ == nullptr ? nullptr : node_->Find(name);
  return found == nullptr || found->kind == Node::Kind::kNull || found->unresolved ? nullptr
                                                                                   : found;
}

bool Section::IsUnresolved(std::string_view name) const {
  const Node* found = node_ == nullptr ? nullptr : node_->Find(name);
  return found != nullptr && found->unresolved;
}

sql::Location Section::Where(std::string_view name) const {
  if (const Node* found = Find(name)) return found->where;
  return node_ == nullptr ? sql::Location{} : node_->key_where;
}

std::string_view Section::Raw(std::string_view name) const {
  const Node* found = Find(name);
  if (found != nullptr && found->kind == Node::Kind::kScalar) return found->text;
  const Setting* setting = FindSetting(JoinPattern(pattern_, name));
  MR_CHECK(setting != nullptr, "every setting that is read stands in the table");
  return setting->fallback;
}

std::string Section::Text(std::string_view name) const { return std::string(Raw(name)); }
int64_t Section::Integer(std::string_view name) const {
  return ParseInteger(Raw(name)).value_or(0);
}
double Section::Real(std::string_view name) const { return ParseReal(Raw(name)).value_or(0); }
bool Section::Boolean(std::string_view name) const {
  return ParseBoolean(Raw(name)).value_or(false);
}
int64_t Section::DurationUs(std::string_view name) const {
  return ParseDuration(Raw(name)).value_or(0);
}
int64_t Section::Bytes(std::string_view name) const { return ParseSize(Raw(name)).value_or(0); }

std::vector<std::string> Section::Texts(std::string_view name) const {
  std::vector<std::string> texts;
  const Node* found = Find(name);
  if (found == nullptr) return texts;
  if (found->kind == Node::Kind::kScalar) texts.push_back(found->text);
  for (const Node& item : found->items) {
    if (!item.unresolved) texts.push_back(item.text);
  }
  return texts;
}

std::vector<std::pair<std::string, std::string>> Section::TextMap(std::string_view name) const {
  std::vector<std::pair<std::string, std::string>> pairs;
  if (const Node* found = Find(name)) {
    for (const auto& [key, value] : found->members) pairs.emplace_back(key, value.text);
  }
  return pairs;
}

Section Section::Child(std::string_view name) const {
  return Section(JoinPattern(pattern_, name), Find(name));
}

std::vector<std::pair<std::string, Section>> Section::Children(std::string_view name) const {
  std::vector<std::pair<std::string, Section>> children;
  const Node* found = Find(name);
  if (found == nullptr) return children;
  for (const auto& [key, value] : found->members) {
    children.emplace_back(key, Section(JoinPattern(JoinPattern(pattern_, name), "*"), &value));
  }
  return children;
}

std::vector<Section> Section::Items(std::string_view name) const {
  std::vector<Section> sections;
  const Node* found = Find(name);
  if (found == nullptr) return sections;
  for (const Node& item : found->items)
    sections.emplace_back(JoinPattern(JoinPattern(pattern_, name), "[]"), &item);
  return sections;
}

}  // namespace millrace::pipeline
