#include "api/rest/schema.h"

#include <algorithm>
#include <charconv>

#include "pipeline/json_text.h"
#include "schedule/civil.h"

namespace millrace::api::rest {
namespace {

using data::JsonValue;
using Kind = JsonValue::Kind;
using pipeline::JsonList;
using pipeline::JsonText;

bool TakePrefix(std::string_view& type, std::string_view prefix) {
  if (!type.starts_with(prefix)) return false;
  type.remove_prefix(prefix.size());
  return true;
}

class Checker {
 public:
  void Check(const JsonValue& value, std::string_view type, const std::string& place) {
    if (TakePrefix(type, "?")) {
      if (value.kind != Kind::kNull) Check(value, type, place);
      return;
    }
    if (TakePrefix(type, "page ")) return CheckPage(value, type, place);
    if (TakePrefix(type, "[]")) {
      if (value.kind != Kind::kArray) return Add(place, "must be an array");
      for (size_t i = 0; i < value.items.size(); ++i)
        Check(value.items[i], type, fmt::format("{}[{}]", place, i));
      return;
    }
    if (TakePrefix(type, "{}")) {
      if (value.kind != Kind::kObject) return Add(place, "must be an object");
      for (const auto& [name, member] : value.members) Check(member, type, Below(place, name));
      return;
    }
    if (const Shape* shape = FindShape(type)) return CheckShape(value, *shape, place);
    CheckScalar(value, type, place);
  }

  std::vector<Violation> Take() { return std::move(violations_); }

 private:
  static std::string Below(const std::string& place, std::string_view name) {
    return place.empty() ? std::string(name) : fmt::format("{}.{}", place, name);
  }
  void Add(const std::string& place, std::string detail) {
    violations_.push_back({place, std::move(detail)});
  }

  void CheckPage(const JsonValue& value, std::string_view item, const std::string& place) {
    const std::string items = "[]" + std::string(item);
    const Member members[] = {{"items", items}, {"next_cursor", "?string"}};
    CheckShape(value, {"page", "", members}, place);
  }

  void CheckShape(const JsonValue& value, const Shape& shape, const std::string& place) {
    if (value.kind != Kind::kObject) return Add(place, "must be an object");
    for (const Member& member : shape.members) {
      const JsonValue* found = value.Find(member.name);
      const std::string at = Below(place, member.name);
      if (found != nullptr) {
        Check(*found, member.type, at);
        CheckBounds(*found, member, at);
      } else if (!member.optional) {
        Add(at, "is missing");
      }
    }
    std::vector<std::string_view> seen;
    for (const auto& [name, member] : value.members) {
      if (std::ranges::find(shape.members, name, &Member::name) == shape.members.end())
        Add(Below(place, name), "is not known");
      if (std::ranges::find(seen, name) != seen.end()) Add(Below(place, name), "is there twice");
      seen.push_back(name);
    }
  }

  void CheckBounds(const JsonValue& value, const Member& member, const std::string& place) {
    if (value.kind == Kind::kString) {
      if (!member.choices.empty() && !IsChoice(value.text, member.choices))
        Add(place, fmt::format("must be one of {}", member.choices));
      const auto size = static_cast<int64_t>(value.text.size());
      if (size < member.least || size > member.most)
        Add(place, fmt::format("must have {} to {} bytes", std::max<int64_t>(member.least, 0),
                               member.most));
    }
    if (value.kind == Kind::kInteger) {
      int64_t number = INT64_MAX;
      std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
      if (number < member.least || number > member.most)
        Add(place, fmt::format("must be from {} to {}", member.least, member.most));
    }
  }

  void CheckScalar(const JsonValue& value, std::string_view type, const std::string& place) {
    if (type == "any") return;
    const bool fits = type == "string"    ? value.kind == Kind::kString
                      : type == "integer" ? value.kind == Kind::kInteger
                      : type == "number" ? value.kind == Kind::kInteger || value.kind == Kind::kReal
                      : type == "boolean" ? value.kind == Kind::kBoolean
                      : type == "object"  ? value.kind == Kind::kObject
                      : type == "time"
                          ? value.kind == Kind::kString && schedule::ParseUtc(value.text)
                          : false;
    if (fits) return;
    Add(place, type == "time" ? "must be a time such as 2026-01-31T23:59:59Z"
                              : fmt::format("must be of type {}", type));
  }

  std::vector<Violation> violations_;
};

std::string MemberSchema(const Member& member) {
  std::string schema = TypeSchema(member.type);
  schema.pop_back();
  const auto add = [&schema](const JsonText& text) {
    const std::string object = text.Object();
    schema += (schema.size() > 1 ? "," : "") + object.substr(1, object.size() - 2);
  };
  if (!member.summary.empty()) add(JsonText().Field("description", member.summary));
  if (!member.choices.empty()) {
    JsonList list;
    for (const std::string_view choice : ChoicesOf(member.choices)) list.AddText(choice);
    if (member.type.starts_with('?')) list.Add("null");
    add(JsonText().Raw("enum", list.Array()));
  }
  const bool is_text = member.type.ends_with("string");
  if (member.least != INT64_MIN)
    add(JsonText().Field(is_text ? "minLength" : "minimum", member.least));
  if (member.most != INT64_MAX)
    add(JsonText().Field(is_text ? "maxLength" : "maximum", member.most));
  return schema + "}";
}

}  // namespace

std::vector<Violation> CheckType(const JsonValue& value, std::string_view type) {
  Checker checker;
  checker.Check(value, type, "");
  return checker.Take();
}

std::vector<std::string_view> ChoicesOf(std::string_view choices) {
  std::vector<std::string_view> parts;
  while (!choices.empty()) {
    const size_t bar = std::min(choices.find('|'), choices.size());
    parts.push_back(choices.substr(0, bar));
    choices.remove_prefix(std::min(bar + 1, choices.size()));
  }
  return parts;
}

bool IsChoice(std::string_view text, std::string_view choices) {
  const std::vector<std::string_view> parts = ChoicesOf(choices);
  return std::ranges::find(parts, text) != parts.end();
}

const Shape* FindShape(std::string_view name) {
  const std::span<const Shape> shapes = AllShapes();
  const auto found = std::ranges::find(shapes, name, &Shape::name);
  return found == shapes.end() ? nullptr : &*found;
}

std::string TypeSchema(std::string_view type) {
  if (TakePrefix(type, "?")) {
    return fmt::format(R"({{"anyOf":[{},{{"type":"null"}}]}})", TypeSchema(type));
  }
  if (TakePrefix(type, "page ")) {
    return fmt::format(
        R"({{"type":"object","required":["items","next_cursor"],"additionalProperties":false,)"
        R"("properties":{{"items":{{"type":"array","items":{}}},"next_cursor":{}}}}})",
        TypeSchema(type), TypeSchema("?string"));
  }
  if (TakePrefix(type, "[]"))
    return fmt::format(R"({{"type":"array","items":{}}})", TypeSchema(type));
  if (TakePrefix(type, "{}"))
    return fmt::format(R"({{"type":"object","additionalProperties":{}}})", TypeSchema(type));
  if (type == "time") return R"({"type":"string","format":"date-time"})";
  if (type == "any") return "{}";
  if (type == "integer") return R"({"type":"integer","format":"int64"})";
  if (FindShape(type) != nullptr)
    return fmt::format(R"({{"$ref":"#/components/schemas/{}"}})", type);
  return fmt::format(R"({{"type":"{}"}})", type);
}

std::string ShapeSchema(const Shape& shape) {
  JsonText properties;
  JsonList required;
  for (const Member& member : shape.members) {
    properties.Raw(member.name, MemberSchema(member));
    if (!member.optional) required.AddText(member.name);
  }
  return JsonText()
      .Field("type", "object")
      .Field("description", shape.summary)
      .Field("additionalProperties", false)
      .Raw("required", required.Array())
      .Raw("properties", properties.Object())
      .Object();
}

}  // namespace millrace::api::rest
