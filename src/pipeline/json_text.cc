#include "pipeline/json_text.h"

#include <cmath>

#include "data/json_writer.h"

namespace millrace::pipeline {

JsonList& JsonList::AddText(std::string_view text) {
  std::string quoted;
  data::AppendJsonString(text, quoted);
  return Add(quoted);
}

JsonText& JsonText::Raw(std::string_view name, std::string_view json) {
  if (!fields_.empty()) fields_ += ',';
  data::AppendJsonString(name, fields_);
  fields_ += ':';
  fields_ += json;
  return *this;
}

JsonText& JsonText::Field(std::string_view name, std::string_view text) {
  std::string quoted;
  data::AppendJsonString(text, quoted);
  return Raw(name, quoted);
}

JsonText& JsonText::Field(std::string_view name, int64_t number) {
  return Raw(name, std::to_string(number));
}
JsonText& JsonText::Field(std::string_view name, uint64_t number) {
  return Raw(name, std::to_string(number));
}
JsonText& JsonText::Field(std::string_view name, double number) {
  return Raw(name, std::isfinite(number) ? fmt::format("{}", number) : "null");
}
JsonText& JsonText::Field(std::string_view name, bool flag) {
  return Raw(name, flag ? "true" : "false");
}

}  // namespace millrace::pipeline
