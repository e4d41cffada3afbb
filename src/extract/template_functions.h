// The tables of what a template may use: its variables and its functions. Template parses by them,
// renders by them, and docs/reference/templates.md is made of them. Not part of the module's
// interface.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "extract/template.h"

namespace millrace::extract {

using TemplateArguments = std::vector<std::string>;
using TemplateValue = std::variant<TimestampUs, std::string>;
enum class TemplateKind : uint8_t { kTime, kText };

// A total function: whatever the value, it has a result.
struct TemplateFunction {
  std::string_view name;
  std::string_view usage;    // "add('-90s')"
  std::string_view summary;  // one sentence
  std::string_view example;  // "template => result", run by a test
  TemplateKind takes;
  TemplateKind gives;
  size_t arguments;
  // Decides on the arguments when a template is parsed; their number has been checked.
  bool (*valid)(const TemplateArguments&);
  TemplateValue (*apply)(const TemplateValue&, const TemplateArguments&);
};

// "params.NAME" is the one variable that is not in the table.
struct TemplateVariable {
  std::string_view name;
  TemplateKind kind;
  std::string_view summary;
  TemplateValue (*value)(const TemplateValues&);
};

std::span<const TemplateFunction> TemplateFunctions();
std::span<const TemplateVariable> TemplateVariables();
// nullptr when there is none.
const TemplateFunction* FindTemplateFunction(std::string_view name);
const TemplateVariable* FindTemplateVariable(std::string_view name);

}  // namespace millrace::extract
