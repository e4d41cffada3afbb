#include "sql/function.h"

#include <algorithm>
#include <memory>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "sql/functions/tables.h"

namespace millrace::sql {
namespace {

std::string Lower(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return lower;
}

// Adds the function's usage to what its resolver complains of.
Resolver WithUsage(Resolver resolve, std::string_view name, std::string_view usage) {
  return [resolve = std::move(resolve), name,
          usage](std::span<const Argument> args) -> Result<Signature> {
    auto signature = resolve(args);
    if (signature) return signature;
    Error error = std::move(signature).error();
    error.message = fmt::format("{}: {}", name, error.message);
    if (error.hint.empty()) error.hint = fmt::format("usage: {}", usage);
    return std::unexpected(std::move(error));
  };
}

FunctionDef Define(std::string_view category, const FunctionRow& row) {
  FunctionDef def;
  def.name = row.traits.name.empty() ? row.usage.substr(0, row.usage.find('(')) : row.traits.name;
  def.aliases = row.traits.aliases;
  def.category = category;
  def.usage = row.usage;
  def.description = row.description;
  def.example = row.example;
  def.difference = row.traits.difference;
  def.null_rule = row.traits.null_rule;
  def.deterministic = row.traits.deterministic;
  def.resolve = WithUsage(row.resolve, def.name, def.usage);
  def.lambda_types = row.traits.lambda_types;
  def.is_aggregate = category == "aggregate";
  return def;
}

class Registry {
 public:
  static const Registry& Instance() {
    static const Registry registry;
    return registry;
  }

  const FunctionDef* Find(std::string_view name) const {
    const auto found = by_name_.find(Lower(name));
    return found == by_name_.end() ? nullptr : found->second;
  }
  std::span<const FunctionDef* const> All() const { return ordered_; }

 private:
  Registry() {
    Add("operator", OperatorRows());
    Add("string", StringRows());
    Add("string", EncodingRows());
    Add("regexp", RegexpRows());
    Add("math", MathRows());
    Add("datetime", DatetimeRows());
    Add("conditional", ConditionalRows());
    Add("json", JsonRows());
    Add("hash", HashRows());
    Add("array", ArrayRows());
    Add("map", MapRows());
    Add("struct", StructRows());
    Add("misc", MiscRows());
    Add("aggregate", AggregateRows());
    Add("generator", GeneratorRows());
    std::ranges::sort(ordered_, {},
                      [](const FunctionDef* def) { return std::pair(def->category, def->name); });
  }

  void Add(std::string_view category, std::span<const FunctionRow> rows) {
    for (const FunctionRow& row : rows) {
      defs_.push_back(std::make_unique<FunctionDef>(Define(category, row)));
      const FunctionDef* def = defs_.back().get();
      ordered_.push_back(def);
      Name(def->name, def);
      for (const std::string_view alias : def->aliases) Name(alias, def);
    }
  }

  void Name(std::string_view name, const FunctionDef* def) {
    const bool fresh = by_name_.emplace(Lower(name), def).second;
    MR_CHECK(fresh, "every function name is given once");
  }

  std::vector<std::unique_ptr<FunctionDef>> defs_;
  std::vector<const FunctionDef*> ordered_;
  std::unordered_map<std::string, const FunctionDef*> by_name_;
};

}  // namespace

const FunctionDef* FindFunction(std::string_view name) { return Registry::Instance().Find(name); }

std::span<const FunctionDef* const> AllFunctions() { return Registry::Instance().All(); }

}  // namespace millrace::sql
