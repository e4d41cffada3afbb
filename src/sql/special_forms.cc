// Expressions that start with a keyword of their own: CASE, CAST, EXTRACT, TRIM, INTERVAL, typed
// literals and calls with words between their arguments.
#include <array>
#include <span>

#include <fmt/format.h>

#include "sql/syntax_parser.h"

namespace millrace::sql {
namespace {

using ast::ExprPtr;
using ast::Kind;
using data::DataType;
using data::Value;

// Functions whose first argument is a bare unit of time when there are three.
constexpr std::array<std::string_view, 7> kUnitFunctions = {
    "timestampadd", "timestampdiff", "dateadd", "datediff", "date_add", "date_diff", "timediff"};

bool IsOneOf(std::string_view name, std::span<const std::string_view> names) {
  for (const std::string_view known : names) {
    if (data::EqualsIgnoringCase(known, name)) return true;
  }
  return false;
}

}  // namespace

// nullptr when the word at hand starts none of these forms.
ExprPtr SyntaxParser::ParseSpecialForm() {
  const Location where = Peek().where;
  if (AtWord("NULL")) {
    Advance();
    return MakeLiteralNode(where, DataType::Null(), Value::Null());
  }
  if (AtWord("TRUE") || AtWord("FALSE")) {
    const bool value = AtWord("TRUE");
    Advance();
    return MakeLiteralNode(where, DataType::Boolean(), Value::Bool(value));
  }
  if (AtWord("CASE")) return ParseCase();
  if (AtWord("INTERVAL") && !AtSymbol(",", 1) && !AtSymbol(")", 1) && !AtSymbol(".", 1)) {
    return ParseInterval();
  }
  static constexpr std::array<std::string_view, 5> kTyped = {"DATE", "TIMESTAMP", "TIMESTAMP_NTZ",
                                                             "TIMESTAMP_LTZ", "X"};
  if (Peek(1).kind == TokenKind::kString && IsOneOf(Peek().text, kTyped)) {
    return ParseTypedLiteral();
  }
  if (!AtSymbol("(", 1)) return nullptr;
  if (AtWord("CAST") || AtWord("TRY_CAST")) return ParseCast();
  if (AtWord("EXTRACT")) return ParseExtract();
  if (AtWord("SUBSTRING") || AtWord("SUBSTR")) return ParseSubstring();
  if (AtWord("TRIM")) return ParseTrim();
  if (AtWord("POSITION")) return ParsePosition();
  if (AtWord("OVERLAY")) return ParseOverlay();
  if (AtWord("STRUCT")) return ParseStruct();
  if (IsOneOf(Peek().text, kUnitFunctions) && AtName(2) && AtSymbol(",", 3)) {
    return ParseUnitCall();
  }
  if (AtWord("EXISTS") && AtQueryStart(2)) {
    Refuse(where, "UNSUPPORTED_FEATURE.EXISTS_SUBQUERY", "EXISTS (SELECT ...) is not supported",
           "use a LEFT JOIN with a table or reference, and test its key for NULL");
    return Bad(where);
  }
  return nullptr;
}

ExprPtr SyntaxParser::ParseCase() {
  const Location where = Peek().where;
  ExpectWord("CASE");
  std::vector<ExprPtr> args;
  const bool simple = !AtWord("WHEN");
  if (simple) args.push_back(ParseExpression());
  do {
    ExpectWord("WHEN");
    args.push_back(ParseExpression());
    ExpectWord("THEN");
    args.push_back(ParseExpression());
  } while (AtWord("WHEN"));
  if (AcceptWord("ELSE")) args.push_back(ParseExpression());
  ExpectWord("END");
  ExprPtr node = MakeNode(Kind::kCase, where, std::move(args));
  node->flag = simple;
  return node;
}

ExprPtr SyntaxParser::ParseCast() {
  const Location where = Peek().where;
  const bool lenient = AtWord("TRY_CAST");
  Advance();
  ExpectSymbol("(");
  std::vector<ExprPtr> args;
  args.push_back(ParseExpression());
  ExpectWord("AS");
  const DataType type = ParseType();
  ExpectSymbol(")");
  ExprPtr node = MakeNode(Kind::kCast, where, std::move(args));
  node->type = type;
  node->flag = lenient;
  return node;
}

ExprPtr SyntaxParser::ParseExtract() {
  const Location where = Peek().where;
  Advance();
  ExpectSymbol("(");
  const Location field_place = Peek().where;
  const std::string field = ExpectName("a field such as YEAR");
  ExpectWord("FROM");
  ExprPtr source = ParseExpression();
  ExpectSymbol(")");
  ExprPtr name = MakeLiteralNode(field_place, DataType::String(), Value::String(field));
  return CallOf("extract", where, std::move(name), std::move(source));
}

ExprPtr SyntaxParser::ParseSubstring() {
  const Location where = Peek().where;
  Advance();
  ExpectSymbol("(");
  std::vector<ExprPtr> args;
  args.push_back(ParseExpression());
  if (AcceptWord("FROM")) {
    args.push_back(ParseExpression());
    if (AcceptWord("FOR")) args.push_back(ParseExpression());
  } else {
    while (AcceptSymbol(",")) args.push_back(ParseExpression());
  }
  ExpectSymbol(")");
  return MakeCall("substring", where, std::move(args));
}

// trim(x), trim(BOTH FROM x), trim(LEADING c FROM x), trim(c FROM x).
ExprPtr SyntaxParser::ParseTrim() {
  const Location where = Peek().where;
  Advance();
  ExpectSymbol("(");
  std::string_view function = "btrim";
  const bool directed = AtWord("BOTH") || AtWord("LEADING") || AtWord("TRAILING");
  if (directed && !AtSymbol(")", 1) && !AtSymbol(",", 1)) {
    if (AtWord("LEADING")) function = "ltrim";
    if (AtWord("TRAILING")) function = "rtrim";
    Advance();
  }
  ExprPtr characters;
  if (!AtWord("FROM")) characters = ParseExpression();
  ExprPtr call;
  if (AcceptWord("FROM")) {
    ExprPtr source = ParseExpression();
    if (!characters) {
      call = CallOf(function, where, std::move(source));
    } else if (function == "btrim") {
      call = CallOf(function, where, std::move(source), std::move(characters));
    } else {  // ltrim and rtrim take the characters first
      call = CallOf(function, where, std::move(characters), std::move(source));
    }
  } else if (AcceptSymbol(",")) {
    ExprPtr source = ParseExpression();
    call = CallOf(function, where, std::move(source), std::move(characters));
  } else {
    call = CallOf(directed ? function : "trim", where, std::move(characters));
  }
  ExpectSymbol(")");
  return call;
}

ExprPtr SyntaxParser::ParsePosition() {
  const Location where = Peek().where;
  Advance();
  ExpectSymbol("(");
  std::vector<ExprPtr> args;
  args.push_back(ParseValue(1));
  if (AcceptWord("IN")) {
    args.push_back(ParseValue(1));
  } else {
    while (AcceptSymbol(",")) args.push_back(ParseExpression());
  }
  ExpectSymbol(")");
  return MakeCall("position", where, std::move(args));
}

ExprPtr SyntaxParser::ParseOverlay() {
  const Location where = Peek().where;
  Advance();
  ExpectSymbol("(");
  std::vector<ExprPtr> args;
  args.push_back(ParseExpression());
  if (AcceptWord("PLACING")) {
    args.push_back(ParseExpression());
    ExpectWord("FROM");
    args.push_back(ParseExpression());
    if (AcceptWord("FOR")) args.push_back(ParseExpression());
  } else {
    while (AcceptSymbol(",")) args.push_back(ParseExpression());
  }
  ExpectSymbol(")");
  return MakeCall("overlay", where, std::move(args));
}

// struct(a, b AS c): fields take the names of columns, else col1, col2, ...
ExprPtr SyntaxParser::ParseStruct() {
  const Location where = Peek().where;
  Advance();
  ExpectSymbol("(");
  std::vector<ExprPtr> args;
  while (!AtSymbol(")")) {
    ExprPtr value = ParseExpression();
    std::string name = fmt::format("col{}", args.size() / 2 + 1);
    if (value->kind == Kind::kName) name = value->parts.back();
    if (value->kind == Kind::kField) name = value->name;
    if (AcceptWord("AS") || AtName()) name = ExpectName("a field name");
    args.push_back(
        MakeLiteralNode(value->where, DataType::String(), Value::String(std::move(name))));
    args.push_back(std::move(value));
    if (!AcceptSymbol(",")) break;
  }
  ExpectSymbol(")");
  return MakeCall("named_struct", where, std::move(args));
}

// dateadd(DAY, 1, ts): the unit becomes a string.
ExprPtr SyntaxParser::ParseUnitCall() {
  const Token name = Peek();
  Advance();
  ExpectSymbol("(");
  std::vector<ExprPtr> args;
  const Token unit = Peek();
  Advance();
  while (AcceptSymbol(",")) args.push_back(ParseExpression());
  ExpectSymbol(")");
  ExprPtr first;
  if (args.size() == 1) {  // date_add(d, 1): the word was a column
    first = MakeNode(Kind::kName, unit.where, {});
    first->parts.push_back(unit.text);
  } else {
    first = MakeLiteralNode(unit.where, DataType::String(), Value::String(unit.text));
  }
  args.insert(args.begin(), std::move(first));
  if (args.size() == 2) return MakeCall(name.text, name.where, std::move(args));
  const bool adds = name.text.size() > 3 &&
                    data::EqualsIgnoringCase(name.text.substr(name.text.size() - 3), "add");
  return MakeCall(adds ? "timestampadd" : "timestampdiff", name.where, std::move(args));
}

ExprPtr SyntaxParser::IntervalLiteral(Location where, const Result<IntervalValue>& value) {
  if (!value) {
    RefuseLiteral(where, value.error());
    return Bad(where);
  }
  return MakeLiteralNode(
      where, value->year_month ? DataType::IntervalYearMonth() : DataType::IntervalDayTime(),
      Value::Int(value->value));
}

// INTERVAL '1 day 2 hours', INTERVAL '1-2' YEAR TO MONTH, INTERVAL 1 DAY 2 HOURS.
ExprPtr SyntaxParser::ParseInterval() {
  const Location where = Peek().where;
  ExpectWord("INTERVAL");
  if (Peek().kind == TokenKind::kString && !(AtName(1) && IntervalUnit(Peek(1).text))) {
    return IntervalLiteral(where, ParseIntervalText(ExpectString("an interval")));
  }
  if (Peek().kind == TokenKind::kString && AtWord("TO", 2)) {
    const std::string text = ExpectString("an interval");
    const std::string from = ExpectName("a unit");
    ExpectWord("TO");
    const std::string to = ExpectName("a unit");
    return lost_ ? Bad(where) : IntervalLiteral(where, ParseIntervalRange(text, from, to));
  }
  Result<IntervalValue> sum = IntervalValue{};
  bool first = true;
  while (first || ((Peek().kind == TokenKind::kNumber || Peek().kind == TokenKind::kString ||
                    AtSymbol("-")) &&
                   (AtName(1) || AtName(2)) && IntervalUnit(Peek(AtSymbol("-") ? 2 : 1).text))) {
    std::string number = AcceptSymbol("-") ? "-" : "";
    if (Peek().kind != TokenKind::kNumber && Peek().kind != TokenKind::kString) {
      Fail("a number or a string");
      return Bad(where);
    }
    number += Peek().text;
    Advance();
    const std::string unit = ExpectName("a unit such as DAY");
    if (lost_) return Bad(where);
    const auto part = IntervalOf(number, unit);
    if (!part) return IntervalLiteral(where, part);
    sum = first ? part : AddIntervals(*sum, *part);
    if (!sum) break;
    first = false;
  }
  return IntervalLiteral(where, sum);
}

}  // namespace millrace::sql
