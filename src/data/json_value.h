// JsonValue: a small JSON document as a tree, for what is read whole: bodies of requests, answers
// in tests. Records of topics never become one (json_reader.h).
//
//   MR_ASSIGN(const JsonValue body, ParseJson(request.body));
//   if (const JsonValue* conf = body.Find("conf")) ToJson(*conf);
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace millrace::data {

struct JsonValue {
  enum class Kind : uint8_t { kNull, kBoolean, kInteger, kReal, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  std::string text;              // kString: unescaped; kBoolean, kInteger, kReal: as JSON writes it
  std::vector<JsonValue> items;  // kArray
  std::vector<std::pair<std::string, JsonValue>> members;  // kObject, in the document's order

  // The first member of that name; nullptr: none, or no object.
  const JsonValue* Find(std::string_view name) const;
  friend bool operator==(const JsonValue&, const JsonValue&) = default;
};

// At most 64 levels deep. kInvalidArgument: not one JSON document, too deep, or an integer that
// does not fit 64 bits.
Result<JsonValue> ParseJson(std::string_view text);
std::string ToJson(const JsonValue& value);

}  // namespace millrace::data
