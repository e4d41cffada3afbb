#include "data/json_value.h"

#include <simdjson.h>

#include "data/json_writer.h"

namespace millrace::data {
namespace {

constexpr size_t kDepthMax = 64;

JsonValue ValueOf(const simdjson::dom::element& element) {
  using simdjson::dom::element_type;
  using Kind = JsonValue::Kind;
  JsonValue value;
  switch (element.type()) {
    case element_type::NULL_VALUE:
      break;
    case element_type::BOOL:
      value.kind = Kind::kBoolean;
      value.text = bool{element} ? "true" : "false";
      break;
    case element_type::INT64:
      value.kind = Kind::kInteger;
      value.text = std::to_string(int64_t{element});
      break;
    case element_type::UINT64:
      value.kind = Kind::kInteger;
      value.text = std::to_string(uint64_t{element});
      break;
    case element_type::DOUBLE:
      value.kind = Kind::kReal;
      value.text = fmt::format("{}", double{element});
      break;
    case element_type::STRING:
      value.kind = Kind::kString;
      value.text = std::string_view{element};
      break;
    case element_type::ARRAY:
      value.kind = Kind::kArray;
      for (const simdjson::dom::element item : simdjson::dom::array{element})
        value.items.push_back(ValueOf(item));
      break;
    case element_type::OBJECT:
      value.kind = Kind::kObject;
      for (const auto& field : simdjson::dom::object{element})
        value.members.emplace_back(field.key, ValueOf(field.value));
      break;
  }
  return value;
}

void Append(const JsonValue& value, std::string& to) {
  using Kind = JsonValue::Kind;
  std::string_view separator;
  switch (value.kind) {
    case Kind::kNull:
      to += "null";
      return;
    case Kind::kString:
      AppendJsonString(value.text, to);
      return;
    case Kind::kArray:
      to += '[';
      for (const JsonValue& item : value.items) {
        to += std::exchange(separator, ",");
        Append(item, to);
      }
      to += ']';
      return;
    case Kind::kObject:
      to += '{';
      for (const auto& [name, member] : value.members) {
        to += std::exchange(separator, ",");
        AppendJsonString(name, to);
        to += ':';
        Append(member, to);
      }
      to += '}';
      return;
    default:
      to += value.text;
  }
}

}  // namespace

const JsonValue* JsonValue::Find(std::string_view name) const {
  for (const auto& [member, value] : members) {
    if (member == name) return &value;
  }
  return nullptr;
}

Result<JsonValue> ParseJson(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  auto error = parser.allocate(std::max<size_t>(text.size(), 64), kDepthMax);
  if (error == simdjson::SUCCESS) error = parser.parse(text.data(), text.size()).get(root);
  if (error != simdjson::SUCCESS)
    return Fail(ErrorCode::kInvalidArgument, "not JSON: {}", simdjson::error_message(error));
  return ValueOf(root);
}

std::string ToJson(const JsonValue& value) {
  std::string text;
  Append(value, text);
  return text;
}

}  // namespace millrace::data
