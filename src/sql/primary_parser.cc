// Literals, names, calls, and what may follow them: .field, [index], ::type.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "sql/syntax_parser.h"

namespace millrace::sql {
namespace {

using ast::ExprPtr;
using ast::Kind;
using data::DataType;
using data::TypeKind;
using data::Value;

constexpr int kDecimalDigitsMax = 38;

struct DecimalText {
  data::Int128 unscaled = 0;
  int precision = 1;
  int scale = 0;
};

// "12.50" or "1.25e1" as a decimal with the digits written; false when it needs more than 38.
bool ReadDecimal(std::string_view text, bool negative, DecimalText& out) {
  int exponent = 0;
  const size_t e = text.find_first_of("eE");
  if (e != std::string_view::npos) {
    std::string_view digits = text.substr(e + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (read.ec != std::errc() || std::abs(exponent) > 2 * kDecimalDigitsMax) return false;
    text = text.substr(0, e);
  }
  int digits = 0, scale = 0;
  bool fraction = false;
  for (const char c : text) {
    if (c == '.') {
      fraction = true;
      continue;
    }
    if (digits > 0 || c != '0') ++digits;
    if (digits > kDecimalDigitsMax) return false;
    out.unscaled = out.unscaled * 10 + (c - '0');
    if (fraction) ++scale;
  }
  scale -= exponent;
  for (; scale < 0; ++scale) {
    if (++digits > kDecimalDigitsMax) return false;
    out.unscaled *= 10;
  }
  if (scale > kDecimalDigitsMax) return false;
  if (negative) out.unscaled = -out.unscaled;
  out.scale = scale;
  out.precision = std::max({digits, scale, 1});
  return true;
}

bool ReadDouble(std::string_view text, double& out) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  return read.ec == std::errc() && std::isfinite(out);
}

struct IntegralSuffix {
  std::string_view suffix;
  TypeKind kind;
  int64_t max;
};
constexpr std::array<IntegralSuffix, 3> kIntegralSuffixes = {{
    {"Y", TypeKind::kTinyint, std::numeric_limits<int8_t>::max()},
    {"S", TypeKind::kSmallint, std::numeric_limits<int16_t>::max()},
    {"L", TypeKind::kBigint, std::numeric_limits<int64_t>::max()},
}};

}  // namespace

ExprPtr SyntaxParser::ParsePostfix(ExprPtr base) {
  while (true) {
    const Location where = Peek().where;
    if (AtSymbol(".") && AtName(1)) {
      Advance();
      const std::string field = ExpectName("a field name");
      if (base->kind == Kind::kName) {
        base->parts.push_back(field);
        continue;
      }
      base = MakeNode(Kind::kField, where, [&] {
        std::vector<ExprPtr> args;
        args.push_back(std::move(base));
        return args;
      }());
      base->name = field;
    } else if (AcceptSymbol("[")) {
      std::vector<ExprPtr> args;
      args.push_back(std::move(base));
      args.push_back(ParseExpression());
      ExpectSymbol("]");
      base = MakeNode(Kind::kIndex, where, std::move(args));
    } else if (AcceptSymbol("::")) {
      std::vector<ExprPtr> args;
      args.push_back(std::move(base));
      const DataType type = ParseType();
      base = MakeNode(Kind::kCast, where, std::move(args));
      base->type = type;
    } else {
      return base;
    }
  }
}

ExprPtr SyntaxParser::ParsePrimary() {
  const Token& token = Peek();
  switch (token.kind) {
    case TokenKind::kNumber:
      return ParseNumber(false);
    case TokenKind::kString:
      return ParseStringLiteral();
    case TokenKind::kWord:
    case TokenKind::kQuotedWord:
      return ParseNameOrCall();
    default:
      break;
  }
  if (AtSymbol("(")) return ParseParenthesized();
  if (AtSymbol("*")) return ParseStar({});
  const Location where = token.where;
  if (AtSymbol("?") || AtSymbol(":")) {
    Refuse(where, "UNSUPPORTED_FEATURE.PARAMETER_MARKER", "parameter markers are not supported",
           "write ${NAME} in the project file instead");
    return Bad(where);
  }
  Fail("an expression");
  return Bad(where);
}

ExprPtr SyntaxParser::ParseNumber(bool negative) {
  const Token token = Peek();
  Advance();
  const bool integral = token.text.find_first_of(".eE") == std::string::npos;
  if (integral &&
      (token.suffix.empty() || token.suffix == "L" || token.suffix == "S" || token.suffix == "Y")) {
    return ParseIntegralNumber(token, negative);
  }
  return ParseFractionalNumber(token, negative);
}

ExprPtr SyntaxParser::ParseIntegralNumber(const Token& token, bool negative) {
  DecimalText number;
  if (!ReadDecimal(token.text, negative, number)) {
    Refuse(token.where, "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION",
           fmt::format("a number has at most {} digits", kDecimalDigitsMax), {});
    return Bad(token.where);
  }
  const auto fits = [&](int64_t max) {
    return number.unscaled <= max && number.unscaled >= -static_cast<data::Int128>(max) - 1;
  };
  for (const IntegralSuffix& known : kIntegralSuffixes) {
    if (token.suffix != known.suffix) continue;
    if (fits(known.max)) {
      return MakeLiteralNode(token.where, DataType(known.kind),
                             Value::Int(static_cast<int64_t>(number.unscaled)));
    }
    Refuse(token.where, "INVALID_NUMERIC_LITERAL_RANGE",
           fmt::format("{}{}{} is outside the range of {}", negative ? "-" : "", token.text,
                       token.suffix, DataType(known.kind).ToDdl()),
           {});
    return Bad(token.where);
  }
  if (fits(std::numeric_limits<int32_t>::max())) {
    return MakeLiteralNode(token.where, DataType::Int(),
                           Value::Int(static_cast<int64_t>(number.unscaled)));
  }
  if (fits(std::numeric_limits<int64_t>::max())) {
    return MakeLiteralNode(token.where, DataType::Bigint(),
                           Value::Int(static_cast<int64_t>(number.unscaled)));
  }
  return MakeLiteralNode(token.where, DataType::Decimal(number.precision, 0),
                         Value::Decimal(number.unscaled));
}

ExprPtr SyntaxParser::ParseFractionalNumber(const Token& token, bool negative) {
  const bool exponent = token.text.find_first_of("eE") != std::string::npos;
  const bool binary =
      token.suffix == "D" || token.suffix == "F" || (token.suffix.empty() && exponent);
  if (binary) {
    double number = 0;
    if (ReadDouble(token.text, number)) {
      if (negative) number = -number;
      const bool is_float = token.suffix == "F";
      if (is_float) number = static_cast<float>(number);
      if (std::isfinite(number)) {
        return MakeLiteralNode(token.where, is_float ? DataType::Float() : DataType::Double(),
                               Value::Double(number));
      }
    }
  } else {
    DecimalText number;
    const bool integral_suffix = token.suffix == "L" || token.suffix == "S" || token.suffix == "Y";
    if (!integral_suffix && ReadDecimal(token.text, negative, number)) {
      return MakeLiteralNode(token.where, DataType::Decimal(number.precision, number.scale),
                             Value::Decimal(number.unscaled));
    }
  }
  Refuse(token.where, "INVALID_NUMERIC_LITERAL_RANGE",
         fmt::format("{}{} is no number that a type of Spark can hold", token.text, token.suffix),
         {});
  return Bad(token.where);
}

ExprPtr SyntaxParser::ParseStringLiteral() {
  const Location where = Peek().where;
  std::string value;
  while (Peek().kind == TokenKind::kString) value += ExpectString("a string");
  return MakeLiteralNode(where, DataType::String(), Value::String(std::move(value)));
}

ExprPtr SyntaxParser::ParseTypedLiteral() {
  const Token keyword = Peek();
  Advance();
  const std::string text = ExpectString("a string");
  const auto is = [&](std::string_view word) {
    return data::EqualsIgnoringCase(keyword.text, word);
  };
  if (is("X")) return ParseHexLiteral(keyword.where, text);
  if (is("DATE")) {
    const auto days = ParseDateText(text);
    if (days) return MakeLiteralNode(keyword.where, DataType::Date(), Value::Int(*days));
    RefuseLiteral(keyword.where, days.error());
    return Bad(keyword.where);
  }
  const auto stamp = ParseTimestampText(text);
  if (!stamp) {
    RefuseLiteral(keyword.where, stamp.error());
    return Bad(keyword.where);
  }
  if (is("TIMESTAMP_NTZ") && !stamp->has_zone) {
    return MakeLiteralNode(keyword.where, DataType::TimestampNtz(), Value::Int(stamp->micros));
  }
  if (stamp->has_zone && !stamp->named_region) {
    return MakeLiteralNode(keyword.where, DataType::Timestamp(), Value::Int(stamp->micros));
  }
  // What depends on a zone's rules or on the session's zone is left to the engine.
  std::vector<ExprPtr> args;
  args.push_back(MakeLiteralNode(keyword.where, DataType::String(), Value::String(text)));
  ExprPtr cast = MakeNode(Kind::kCast, keyword.where, std::move(args));
  cast->type = is("TIMESTAMP_NTZ") ? DataType::TimestampNtz() : DataType::Timestamp();
  return cast;
}

ExprPtr SyntaxParser::ParseHexLiteral(Location where, const std::string& digits) {
  std::string padded = digits.size() % 2 == 0 ? digits : "0" + digits;
  std::string bytes;
  for (size_t i = 0; i < padded.size(); i += 2) {
    unsigned value = 0;
    const auto read = std::from_chars(padded.data() + i, padded.data() + i + 2, value, 16);
    if (read.ec != std::errc() || read.ptr != padded.data() + i + 2) {
      Refuse(where, "INVALID_TYPED_LITERAL",
             fmt::format("X'{}' holds something else than hexadecimal digits", digits), {});
      return Bad(where);
    }
    bytes += static_cast<char>(value);
  }
  return MakeLiteralNode(where, DataType::Binary(), Value::String(std::move(bytes)));
}

ExprPtr SyntaxParser::ParseParenthesized() {
  const Location where = Peek().where;
  ExpectSymbol("(");
  if (AtQueryStart()) {
    Refuse(Peek().where, "UNSUPPORTED_FEATURE.SCALAR_SUBQUERY",
           "a query inside an expression is not supported",
           "use a LEFT JOIN with a table or reference");
    return Bad(where);
  }
  std::vector<ExprPtr> parts;
  std::vector<std::string> names;
  do {
    parts.push_back(ParseExpression());
    names.push_back(AcceptWord("AS") ? ExpectName("a field name")
                                     : fmt::format("col{}", parts.size()));
  } while (AcceptSymbol(","));
  ExpectSymbol(")");
  if (parts.size() == 1) return std::move(parts[0]);
  std::vector<ExprPtr> args;  // (a, b) is a struct
  for (size_t i = 0; i < parts.size(); ++i) {
    args.push_back(MakeLiteralNode(parts[i]->where, DataType::String(), Value::String(names[i])));
    args.push_back(std::move(parts[i]));
  }
  return MakeCall("named_struct", where, std::move(args));
}

// Words that no expression starts with; as names they need backticks.
bool SyntaxParser::AtReservedWord() const {
  static constexpr std::array<std::string_view, 14> kReserved = {
      "AND",     "OR", "THEN", "WHEN", "ELSE",   "AS", "ON",
      "BETWEEN", "IN", "LIKE", "IS",   "SELECT", "BY", "JOIN"};
  return std::ranges::any_of(kReserved, [&](std::string_view word) { return AtWord(word); });
}

ExprPtr SyntaxParser::ParseNameOrCall() {
  const Token& token = Peek();
  if (token.kind == TokenKind::kWord) {
    if (ExprPtr form = ParseSpecialForm()) return form;
  }
  if (AtSymbol("(", 1)) return ParseCall();
  if (token.kind == TokenKind::kWord && (AtClauseStart() || AtReservedWord())) {
    Fail("an expression");
    return Bad(Peek().where);
  }
  ExprPtr name = MakeNode(Kind::kName, token.where, {});
  name->parts.push_back(ExpectName("a name"));
  while (AtSymbol(".") && (AtName(1) || AtSymbol("*", 1))) {
    Advance();
    if (AtSymbol("*")) return ParseStar(std::move(name->parts));
    name->parts.push_back(ExpectName("a name"));
  }
  if (AtSymbol("(")) {
    Refuse(Peek().where, "UNRESOLVED_ROUTINE", "functions have names of one part",
           "remove what stands before the last dot");
  }
  return name;
}

ExprPtr SyntaxParser::ParseStar(std::vector<std::string> qualifier) {
  ExprPtr star = MakeNode(Kind::kStar, Peek().where, {});
  star->parts = std::move(qualifier);
  ExpectSymbol("*");
  if (AtWord("EXCEPT") && AtSymbol("(", 1)) {
    Advance();
    star->except = ParseNameList();
  }
  return star;
}

ExprPtr SyntaxParser::ParseCall() {
  ExprPtr call = MakeNode(Kind::kCall, Peek().where, {});
  call->name = ExpectName("a function");
  std::ranges::transform(call->name, call->name.begin(), [](unsigned char c) {
    return c < 0x80 ? static_cast<char>(std::tolower(c)) : static_cast<char>(c);
  });
  call->flag = true;
  ExpectSymbol("(");
  call->distinct = AcceptWord("DISTINCT");
  if (!call->distinct && AtWord("ALL") && !AtSymbol(")", 1) && !AtSymbol(",", 1)) Advance();
  if (!AtSymbol(")")) {
    do {
      call->args.push_back(ParseArgument());
      call->depth = std::max(call->depth, call->args.back()->depth + 1);
    } while (AcceptSymbol(","));
  }
  call->ignore_nulls = AcceptWords({"IGNORE", "NULLS"});
  ExpectSymbol(")");
  return ParseCallTail(std::move(call));
}

ExprPtr SyntaxParser::ParseCallTail(ExprPtr call) {
  if (AcceptWords({"IGNORE", "NULLS"})) call->ignore_nulls = true;
  AcceptWords({"RESPECT", "NULLS"});
  if (AtWord("FILTER") && AtSymbol("(", 1)) {
    Advance();
    ExpectSymbol("(");
    ExpectWord("WHERE");
    call->filter = ParseExpression();
    call->depth = std::max(call->depth, call->filter->depth + 1);
    ExpectSymbol(")");
  }
  if (AtWord("OVER") && (AtSymbol("(", 1) || AtName(1))) {
    Refuse(Peek().where, "UNSUPPORTED_FEATURE.WINDOW_FUNCTION",
           "window functions (OVER ...) are not supported yet",
           "GROUP BY window(...) aggregates over time");
  }
  if (AtWord("WITHIN") && AtWord("GROUP", 1)) {
    Refuse(Peek().where, "UNSUPPORTED_FEATURE.WITHIN_GROUP",
           "ordered aggregates (WITHIN GROUP ...) are not supported", {});
  }
  if (call->depth > kTreeDepthMax) {
    Refuse(call->where, "PARSE_SYNTAX_ERROR",
           fmt::format("the expression is more than {} operators deep", kTreeDepthMax),
           "compute parts of it in a subquery");
  }
  return call;
}

ExprPtr SyntaxParser::ParseArgument() {
  if (AtLambda()) return ParseLambda();
  if (AtName() && AtSymbol("=>", 1)) {
    Refuse(Peek().where, "UNSUPPORTED_FEATURE.NAMED_ARGUMENTS", "named arguments are not supported",
           "give the arguments in their order");
  }
  return ParseExpression();
}

bool SyntaxParser::AtLambda() const {
  if (AtName() && AtSymbol("->", 1)) return true;
  if (!AtSymbol("(")) return false;
  size_t ahead = 1;
  while (AtName(ahead) && AtSymbol(",", ahead + 1)) ahead += 2;
  return AtName(ahead) && AtSymbol(")", ahead + 1) && AtSymbol("->", ahead + 2);
}

ExprPtr SyntaxParser::ParseLambda() {
  const Location where = Peek().where;
  std::vector<std::string> parameters;
  if (AcceptSymbol("(")) {
    do {
      parameters.push_back(ExpectName("a parameter"));
    } while (AcceptSymbol(","));
    ExpectSymbol(")");
  } else {
    parameters.push_back(ExpectName("a parameter"));
  }
  ExpectSymbol("->");
  std::vector<ExprPtr> body;
  body.push_back(ParseExpression());
  ExprPtr lambda = MakeNode(Kind::kLambda, where, std::move(body));
  lambda->parts = std::move(parameters);
  return lambda;
}

}  // namespace millrace::sql
