// ExprBuilder: makes typed expressions out of typed expressions. It finds functions, inserts the
// implicit conversions of Spark's ANSI rules as casts, and reports what does not fit.
//
// Contract
//   * A null ExprPtr stands for "an error was reported": given one, every method returns one and
//     stays silent, so that one mistake makes one message.
//   * Size and depth of every expression are bounded (kExprNodesMax, kExprDepthMax), shared parts
//     counted as often as they occur: it is safe to walk an expression recursively, or to print it.
//   * One thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sql/expr.h"
#include "sql/function.h"
#include "sql/source_text.h"

namespace millrace::sql {

inline constexpr uint64_t kExprNodesMax = 20'000;
inline constexpr uint64_t kQueryNodesMax = 200'000;  // of all expressions of a query together
inline constexpr int kExprDepthMax = 600;
inline constexpr size_t kErrorsMax = 50;

// Errors and warnings of one query, each place and message once.
class Diagnostics {
 public:
  void Error(Location where, std::string_view condition, std::string message,
             std::string suggestion = {});
  void Warn(Location where, std::string_view condition, std::string message,
            std::string suggestion = {});
  bool has_errors() const { return !errors_.empty(); }
  // "did you mean x?" for the candidate nearest to `name`, else empty; also empty when no more
  // errors are taken, so that hostile text costs no search per word.
  std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates) const;
  std::vector<Diagnostic> TakeErrors();  // in the order of their places
  std::vector<Diagnostic> TakeWarnings() { return std::move(warnings_); }

 private:
  std::vector<Diagnostic> errors_;
  std::vector<Diagnostic> warnings_;
};

class ExprBuilder {
 public:
  ExprBuilder(bool ansi, Diagnostics& diagnostics) : ansi_(ansi), diagnostics_(diagnostics) {}

  // A call of the function or operator `name`, its arguments converted as its signature wants.
  ExprPtr Call(std::string_view name, std::vector<ExprPtr> args, Location where);
  ExprPtr CallOf(const FunctionDef& function, std::vector<ExprPtr> args, Location where);
  // The signature for these arguments, or nullopt with the error reported.
  std::optional<Signature> Resolve(const FunctionDef& function, std::span<const ExprPtr> args,
                                   Location where);
  // The arguments converted to the signature's types.
  std::vector<ExprPtr> CoerceAll(const Signature& signature, std::vector<ExprPtr> args);

  ExprPtr Cast(ExprPtr expr, const data::DataType& type, CastMode mode, Location where);
  // Implicit conversion, already known to be allowed; number and NULL literals are converted here.
  ExprPtr Coerce(ExprPtr expr, const data::DataType& type);
  // A BOOLEAN for WHERE, AND, WHEN...; `what` names the place in messages.
  ExprPtr Condition(ExprPtr expr, std::string_view what);
  ExprPtr Logical(ExprKind kind, std::vector<ExprPtr> args, Location where);
  // when, then, ..., [else]
  ExprPtr Case(std::vector<ExprPtr> args, Location where);
  ExprPtr Coalesce(std::vector<ExprPtr> args, Location where);
  ExprPtr In(std::vector<ExprPtr> args, Location where);
  ExprPtr Field(ExprPtr base, int ordinal, Location where);
  ExprPtr Lambda(ExprPtr body, std::vector<std::string> parameters, Location where);
  ExprPtr Variable(int ordinal, const data::DataType& type, Location where);
  // A kNull literal, for branches that are NULL.
  ExprPtr NullLiteral(Location where);

  // Checks and notes the size of an expression made elsewhere; null when it is too large.
  ExprPtr Admit(std::shared_ptr<Expr> expr);
  // Adds the tree's nodes to the query's total; false, with an error, when that is too large.
  bool Charge(const ExprPtr& expr);
  // Equal for equal text (ToString), different otherwise but for hash collisions.
  uint64_t Fingerprint(const ExprPtr& expr);
  // Casts args[i] for each of `which` to their common type; nullopt with an error when there is
  // none.
  std::optional<data::DataType> Unify(std::vector<ExprPtr>& args, std::span<const size_t> which,
                                      std::string_view what, Location where);

  Diagnostics& diagnostics() { return diagnostics_; }
  bool ansi() const { return ansi_; }
  CastMode cast_mode() const { return ansi_ ? CastMode::kAnsi : CastMode::kLegacy; }

 private:
  struct Facts {
    ExprPtr expr;  // keeps the address from being used again
    uint64_t nodes = 1;
    int depth = 1;
    uint64_t fingerprint = 0;
  };

  Facts& FactsOf(const ExprPtr& expr);
  bool CheckPattern(const FunctionDef& function, std::span<const ExprPtr> args);
  std::shared_ptr<Expr> New(ExprKind kind, const data::DataType& type, std::vector<ExprPtr> args,
                            Location where);

  bool ansi_;
  Diagnostics& diagnostics_;
  std::unordered_map<const Expr*, Facts> facts_;
  uint64_t query_nodes_ = 0;
};

bool HasNull(std::span<const ExprPtr> args);

}  // namespace millrace::sql
