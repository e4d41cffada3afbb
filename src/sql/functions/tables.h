// The tables of built-in functions, one a category; function.cc joins them into the registry.
//
// A row is facts only: how a function is called, what it does, one example with its result (a test
// evaluates it) and how its arguments are resolved. The name is the part of `usage` before "(".
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "sql/functions/signature.h"

namespace millrace::sql {

// What most rows leave at its default.
struct FunctionTraits {
  std::vector<std::string_view> aliases = {};
  std::string_view difference = {};  // from Spark 4.1
  NullRule null_rule = NullRule::kPropagate;
  bool deterministic = true;
  LambdaTypes lambda_types = {};
  std::string_view name = {};  // operators: the name that `usage` does not start with
};

struct FunctionRow {
  std::string_view usage;
  std::string_view description;
  std::string_view example;
  Resolver resolve;
  FunctionTraits traits = {};
};

std::span<const FunctionRow> OperatorRows();
std::span<const FunctionRow> StringRows();
std::span<const FunctionRow> EncodingRows();  // category string as well
std::span<const FunctionRow> RegexpRows();
std::span<const FunctionRow> MathRows();
std::span<const FunctionRow> DatetimeRows();
std::span<const FunctionRow> ConditionalRows();
std::span<const FunctionRow> JsonRows();
std::span<const FunctionRow> HashRows();
std::span<const FunctionRow> ArrayRows();
std::span<const FunctionRow> MapRows();
std::span<const FunctionRow> StructRows();
std::span<const FunctionRow> MiscRows();
std::span<const FunctionRow> AggregateRows();
std::span<const FunctionRow> GeneratorRows();

}  // namespace millrace::sql
