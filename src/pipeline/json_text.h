// JsonText: small JSON objects for output, a field at a time.
//
//   JsonText().Field("topic", name).Field("partition", int64_t{2}).Object()
//   {"topic":"users_raw","partition":2}
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::pipeline {

// A list of values, each of them JSON already.
class JsonList {
 public:
  JsonList& Add(std::string_view json) {
    if (!items_.empty()) items_ += ',';
    items_ += json;
    return *this;
  }
  JsonList& AddText(std::string_view text);
  std::string Array() const { return "[" + items_ + "]"; }

 private:
  std::string items_;
};

class JsonText {
 public:
  JsonText& Field(std::string_view name, std::string_view text);
  JsonText& Field(std::string_view name, const char* text) {
    return Field(name, std::string_view(text));
  }
  JsonText& Field(std::string_view name, const std::string& text) {
    return Field(name, std::string_view(text));
  }
  JsonText& Field(std::string_view name, int64_t number);
  JsonText& Field(std::string_view name, uint64_t number);
  // null when it is not finite: JSON has no such numbers.
  JsonText& Field(std::string_view name, double number);
  JsonText& Field(std::string_view name, bool flag);
  // `json` goes in as it is.
  JsonText& Raw(std::string_view name, std::string_view json);
  std::string Object() const { return "{" + fields_ + "}"; }

 private:
  std::string fields_;
};

}  // namespace millrace::pipeline
