// Shapes: the objects that requests and answers of the REST API are made of, as a table. From it
// come the check of request bodies, the schemas of the OpenAPI document and the reference page; the
// tests hold every answer against it.
//
// A type is written as text: "string", "integer", "number", "boolean", "time" (RFC 3339 in UTC),
// "any" (any JSON), "object" (any object), or the name of a shape. Before it may stand, from the
// outside in:
//   ?T    T or null          []T   an array of T          {}T   an object whose members are T
//   page T   {"items": []T, "next_cursor": ?string}
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/json_value.h"

namespace millrace::api::rest {

struct Member {
  std::string_view name;
  std::string_view type;
  std::string_view summary = {};
  bool optional = false;          // may be left out
  std::string_view choices = {};  // of a string: "queued|running"
  int64_t least = INT64_MIN;      // of an integer, or of a string's size in bytes
  int64_t most = INT64_MAX;
};

struct Shape {
  std::string_view name;
  std::string_view summary;
  std::span<const Member> members;
};

std::span<const Shape> AllShapes();
const Shape* FindShape(std::string_view name);

// What is wrong with a value, and where: "conf.pages".
struct Violation {
  std::string place;
  std::string detail;
};
std::vector<Violation> CheckType(const data::JsonValue& value, std::string_view type);

// "queued|running" -> its parts.
std::vector<std::string_view> ChoicesOf(std::string_view choices);
bool IsChoice(std::string_view text, std::string_view choices);

// JSON Schema (2020-12, as OpenAPI 3.1 uses it) of a type and of a shape.
std::string TypeSchema(std::string_view type);
std::string ShapeSchema(const Shape& shape);

}  // namespace millrace::api::rest
