// JsonText: walking JSON that is text in a column, for get_json_object and its like, which look at
// one value of a document without a schema.
//
// Thread contract: pure functions. Linear in the text; nesting takes one bit a level, no recursion.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::engine {

// "$.a[0].b", "$['a']", "$[*]": one step of a path.
struct JsonStep {
  std::string name;    // a member, when index is not set
  int64_t index = -1;  // an element
  bool any = false;    // [*]: all elements
};
// nullopt: not a path.
std::optional<std::vector<JsonStep>> ParseJsonPath(std::string_view text);

// The value at the path, as get_json_object gives it: strings unescaped, anything else as written
// without white space. nullopt: absent, null, or the text is not JSON up to there.
std::optional<std::string> JsonAt(std::string_view json, const std::vector<JsonStep>& path);

// Calls f(raw value) for each element of an array; false: not one whole JSON array.
bool ForEachJsonElement(std::string_view json, const std::function<void(std::string_view)>& f);
// Calls f(key, raw value) for each member of an object; false: not one whole JSON object.
bool ForEachJsonMember(std::string_view json,
                       const std::function<void(std::string, std::string_view)>& f);

}  // namespace millrace::engine
