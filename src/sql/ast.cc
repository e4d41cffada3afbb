#include "sql/ast.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace millrace::sql::ast {
namespace {

constexpr size_t kNameBytesMax = 1000;

std::string Joined(const std::vector<ExprPtr>& args, std::string_view separator, size_t first = 0) {
  std::string out;
  for (size_t i = first; i < args.size() && out.size() < kNameBytesMax; ++i) {
    if (i > first) out += separator;
    out += DisplayName(*args[i]);
  }
  return out;
}

std::string CallName(const Expr& call) {
  static constexpr std::array<std::string_view, 18> kInfix = {
      "+",  "-", "*",  "/",  "div", "%", "=", "<=>", "<",
      "<=", ">", ">=", "<>", "||",  "&", "|", "^",   "rlike"};
  const std::string& name = call.name;
  if (name == "||") return fmt::format("concat({})", Joined(call.args, ", "));
  if (call.args.size() == 2 && std::ranges::find(kInfix, name) != kInfix.end()) {
    const std::string operation = name == "<>" ? "(NOT ({} = {}))" : "({} " + name + " {})";
    return fmt::format(fmt::runtime(operation), DisplayName(*call.args[0]),
                       DisplayName(*call.args[1]));
  }
  if (name == "like" || name == "ilike") {
    return fmt::format("{} {} {}", DisplayName(*call.args[0]), name == "like" ? "LIKE" : "ilike",
                       DisplayName(*call.args[1]));
  }
  if (name == "not") return fmt::format("(NOT {})", Joined(call.args, ""));
  if (name == "isnull") return fmt::format("({} IS NULL)", Joined(call.args, ""));
  if (name == "isnotnull") return fmt::format("({} IS NOT NULL)", Joined(call.args, ""));
  if (name == "negative") return fmt::format("(- {})", Joined(call.args, ""));
  const bool star = call.args.size() == 1 && call.args[0]->kind == Kind::kStar;
  std::string text = fmt::format("{}({}{})", name, call.distinct ? "DISTINCT " : "",
                                 star ? (name == "count" ? "1" : "*") : Joined(call.args, ", "));
  if (call.filter) text += fmt::format(" FILTER (WHERE {})", DisplayName(*call.filter));
  return text;
}

std::string CaseName(const Expr& node) {
  std::string text = "CASE";
  size_t i = 0;
  if (node.flag) text += " " + DisplayName(*node.args[i++]);
  for (; i + 1 < node.args.size() && text.size() < kNameBytesMax; i += 2) {
    text +=
        fmt::format(" WHEN {} THEN {}", DisplayName(*node.args[i]), DisplayName(*node.args[i + 1]));
  }
  if (i < node.args.size()) text += " ELSE " + DisplayName(*node.args[i]);
  return text + " END";
}

std::string LiteralName(const Expr& node) {
  if (node.type.kind() == data::TypeKind::kDate) {
    return fmt::format("DATE '{}'", data::FormatValue(node.type, node.literal));
  }
  return data::FormatValue(node.type, node.literal);
}

std::string FullName(const Expr& node) {
  switch (node.kind) {
    case Kind::kBad:
      return "?";
    case Kind::kLiteral:
      return LiteralName(node);
    case Kind::kName:
      return node.parts.back();
    case Kind::kStar:
      return "*";
    case Kind::kCall:
      return CallName(node);
    case Kind::kField:
      return fmt::format("{}.{}", DisplayName(*node.args[0]), node.name);
    case Kind::kIndex:
      return fmt::format("{}[{}]", DisplayName(*node.args[0]), DisplayName(*node.args[1]));
    case Kind::kCast:
      return fmt::format("{}({} AS {})", node.flag ? "TRY_CAST" : "CAST",
                         DisplayName(*node.args[0]), node.type.ToDdl());
    case Kind::kAnd:
      return fmt::format("({})", Joined(node.args, " AND "));
    case Kind::kOr:
      return fmt::format("({})", Joined(node.args, " OR "));
    case Kind::kCase:
      return CaseName(node);
    case Kind::kIn:
      return fmt::format("({}({} IN ({})))", node.negated ? "NOT " : "", DisplayName(*node.args[0]),
                         Joined(node.args, ", ", 1));
    case Kind::kBetween:
      return fmt::format("{}between({})", node.negated ? "NOT " : "", Joined(node.args, ", "));
    case Kind::kLikeMany:
      return fmt::format("{}{} {}({})", node.negated ? "NOT " : "", node.name,
                         node.flag ? "ALL" : "ANY", Joined(node.args, ", "));
    case Kind::kLambda:
      return fmt::format("lambdafunction({}, {})", DisplayName(*node.args[0]),
                         fmt::join(node.parts, ", "));
  }
  return {};
}

}  // namespace

std::string DisplayName(const Expr& expr) {
  std::string name = FullName(expr);
  if (name.size() > kNameBytesMax) {
    size_t end = kNameBytesMax;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
    name.resize(end);
  }
  return name;
}

}  // namespace millrace::sql::ast
