// Operators and predicates, by Spark's precedence: OR, AND, NOT, one predicate, then the operators
// of BinaryOperator from loosest to tightest, unary ones last.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sql/syntax_parser.h"

namespace millrace::sql {
namespace {

using ast::ExprPtr;
using ast::Kind;

struct BinaryOperator {
  std::string_view spelling;
  std::string_view function;
  int precedence;
};

constexpr int kComparison = 1;
constexpr int kTightest = 7;

constexpr std::array<BinaryOperator, 22> kOperators = {{
    {"=", "=", kComparison},
    {"==", "=", kComparison},
    {"<=>", "<=>", kComparison},
    {"<>", "<>", kComparison},
    {"!=", "<>", kComparison},
    {"<", "<", kComparison},
    {"<=", "<=", kComparison},
    {">", ">", kComparison},
    {">=", ">=", kComparison},
    {"|", "|", 2},
    {"^", "^", 3},
    {"&", "&", 4},
    {"<<", "shiftleft", 5},
    {">>", "shiftright", 5},
    {">>>", "shiftrightunsigned", 5},
    {"+", "+", 6},
    {"-", "-", 6},
    {"||", "||", 6},
    {"*", "*", kTightest},
    {"/", "/", kTightest},
    {"%", "%", kTightest},
    {"DIV", "div", kTightest},
}};

const BinaryOperator* OperatorAt(const Token& token) {
  if (token.kind != TokenKind::kSymbol && token.kind != TokenKind::kWord) return nullptr;
  const auto* found = std::ranges::find_if(kOperators, [&](const BinaryOperator& op) {
    return data::EqualsIgnoringCase(op.spelling, token.text);
  });
  return found == kOperators.end() ? nullptr : found;
}

}  // namespace

ExprPtr SyntaxParser::Bad(Location where) {
  auto node = std::make_unique<ast::Expr>();
  node->where = where;
  return node;
}

ExprPtr SyntaxParser::MakeNode(Kind kind, Location where, std::vector<ExprPtr> args) {
  auto node = Bad(where);
  node->kind = kind;
  for (const ExprPtr& arg : args) node->depth = std::max(node->depth, arg->depth + 1);
  node->args = std::move(args);
  if (node->depth > kTreeDepthMax) {
    Refuse(where, "PARSE_SYNTAX_ERROR",
           fmt::format("the expression is more than {} operators deep", kTreeDepthMax),
           "compute parts of it in a subquery");
    return Bad(where);
  }
  return node;
}

ExprPtr SyntaxParser::MakeCall(std::string_view name, Location where, std::vector<ExprPtr> args) {
  ExprPtr call = MakeNode(Kind::kCall, where, std::move(args));
  call->name = name;
  return call;
}

ExprPtr SyntaxParser::MakeNot(ExprPtr operand, bool negated) {
  if (!negated) return operand;
  const Location where = operand->where;
  return CallOf("not", where, std::move(operand));
}

ExprPtr SyntaxParser::MakeLiteralNode(Location where, const data::DataType& type,
                                      data::Value value) {
  ExprPtr node = MakeNode(Kind::kLiteral, where, {});
  node->type = type;
  node->literal = std::move(value);
  return node;
}

ExprPtr SyntaxParser::ParseExpression() {
  if (!Enter()) {
    Leave();
    return Bad(Peek().where);
  }
  ExprPtr expr = ParseNary(Kind::kOr);
  Leave();
  return expr;
}

ExprPtr SyntaxParser::ParseNary(Kind kind) {
  const Location where = Peek().where;
  const auto next = [&] { return kind == Kind::kOr ? ParseNary(Kind::kAnd) : ParseNot(); };
  const std::string_view word = kind == Kind::kOr ? "OR" : "AND";
  std::vector<ExprPtr> args;
  args.push_back(next());
  while (AcceptWord(word)) args.push_back(next());
  return args.size() == 1 ? std::move(args[0]) : MakeNode(kind, where, std::move(args));
}

ExprPtr SyntaxParser::ParseNot() {
  const Location where = Peek().where;
  int count = 0;
  while (AcceptWord("NOT") || AcceptSymbol("!")) ++count;
  ExprPtr operand = ParsePredicated();
  // An even number of NOTs still makes a boolean of its operand, so two are kept.
  const int kept = count == 0 ? 0 : 2 - count % 2;
  for (int i = 0; i < kept; ++i) operand = CallOf("not", where, std::move(operand));
  return operand;
}

ExprPtr SyntaxParser::ParsePredicated() { return ParsePredicate(ParseValue(kComparison)); }

ExprPtr SyntaxParser::ParsePredicate(ExprPtr operand) {
  if (AtWord("IS")) return ParseIs(std::move(operand));
  const bool negated = (AtWord("NOT") || AtSymbol("!")) &&
                       (AtWord("IN", 1) || AtWord("BETWEEN", 1) || AtWord("LIKE", 1) ||
                        AtWord("ILIKE", 1) || AtWord("RLIKE", 1) || AtWord("REGEXP", 1));
  if (negated) Advance();
  const Location where = operand->where;
  if (AcceptWord("IN")) return ParseIn(std::move(operand), negated);
  if (AcceptWord("BETWEEN")) {
    std::vector<ExprPtr> args;
    args.push_back(std::move(operand));
    args.push_back(ParseValue(kComparison));
    ExpectWord("AND");
    args.push_back(ParseValue(kComparison));
    ExprPtr between = MakeNode(Kind::kBetween, where, std::move(args));
    between->negated = negated;
    return between;
  }
  if (AcceptWord("LIKE")) return ParseLike(std::move(operand), negated, "like");
  if (AcceptWord("ILIKE")) return ParseLike(std::move(operand), negated, "ilike");
  if (AcceptWord("RLIKE") || AcceptWord("REGEXP")) {
    ExprPtr pattern = ParseValue(kComparison);
    return MakeNot(CallOf("rlike", where, std::move(operand), std::move(pattern)), negated);
  }
  return operand;
}

ExprPtr SyntaxParser::ParseIn(ExprPtr operand, bool negated) {
  const Location where = operand->where;
  ExpectSymbol("(");
  if (AtQueryStart()) {
    Refuse(Peek().where, "UNSUPPORTED_FEATURE.IN_SUBQUERY", "IN (SELECT ...) is not supported",
           "use a LEFT JOIN with a table or reference, and test its key for NULL");
    return Bad(where);
  }
  std::vector<ExprPtr> args;
  args.push_back(std::move(operand));
  do {
    args.push_back(ParseExpression());
  } while (AcceptSymbol(","));
  ExpectSymbol(")");
  ExprPtr in = MakeNode(Kind::kIn, where, std::move(args));
  in->negated = negated;
  return in;
}

ExprPtr SyntaxParser::ParseLike(ExprPtr operand, bool negated, std::string_view name) {
  const Location where = operand->where;
  const bool all = AtWord("ALL");
  if ((all || AtWord("ANY") || AtWord("SOME")) && AtSymbol("(", 1)) {
    Advance();
    ExprPtr many = ParseIn(std::move(operand), negated);
    if (many->kind != Kind::kIn) return many;
    many->kind = Kind::kLikeMany;
    many->name = name;
    many->flag = all;
    return many;
  }
  ExprPtr pattern = ParseValue(kComparison);
  if (!AcceptWord("ESCAPE")) {
    return MakeNot(CallOf(name, where, std::move(operand), std::move(pattern)), negated);
  }
  const Location escape_place = Peek().where;
  ExprPtr escape = MakeLiteralNode(escape_place, data::DataType::String(),
                                   data::Value::String(ExpectString("an escape character")));
  if (!lost_ && escape->literal.string().size() != 1) {
    Refuse(escape_place, "INVALID_ESCAPE_CHAR", "ESCAPE takes a string of one character",
           "write for instance ESCAPE '!'");
  }
  return MakeNot(CallOf(name, where, std::move(operand), std::move(pattern), std::move(escape)),
                 negated);
}

ExprPtr SyntaxParser::ParseIs(ExprPtr operand) {
  const Location where = operand->where;
  ExpectWord("IS");
  const bool negated = AcceptWord("NOT");
  if (AcceptWord("NULL")) {
    return CallOf(negated ? "isnotnull" : "isnull", where, std::move(operand));
  }
  if (AcceptWord("UNKNOWN")) {
    ExprPtr unknown = MakeLiteralNode(where, data::DataType::Boolean(), data::Value::Null());
    return MakeNot(CallOf("<=>", where, std::move(operand), std::move(unknown)), negated);
  }
  if (AtWord("TRUE") || AtWord("FALSE")) {
    const bool wanted = AtWord("TRUE");
    Advance();
    ExprPtr truth = MakeLiteralNode(where, data::DataType::Boolean(), data::Value::Bool(wanted));
    return MakeNot(CallOf("<=>", where, std::move(operand), std::move(truth)), negated);
  }
  if (AcceptWords({"DISTINCT", "FROM"})) {
    ExprPtr other = ParseValue(kComparison);
    return MakeNot(CallOf("<=>", where, std::move(operand), std::move(other)), !negated);
  }
  Fail("NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM");
  return operand;
}

ExprPtr SyntaxParser::ParseValue(int precedence_min) {
  ExprPtr left = ParseUnary();
  while (const BinaryOperator* op = OperatorAt(Peek())) {
    if (op->precedence < precedence_min) break;
    const Location where = Peek().where;
    Advance();
    ExprPtr right = op->precedence == kTightest ? ParseUnary() : ParseValue(op->precedence + 1);
    // a || b || c is one call, however long.
    if (op->function == "||" && left->kind == Kind::kCall && left->name == "||" && !left->flag) {
      left->depth = std::max(left->depth, right->depth + 1);
      left->args.push_back(std::move(right));
    } else {
      left = CallOf(op->function, where, std::move(left), std::move(right));
    }
  }
  return left;
}

ExprPtr SyntaxParser::ParseUnary() {
  const Location where = Peek().where;
  if (!AtSymbol("-") && !AtSymbol("+") && !AtSymbol("~")) return ParsePostfix(ParsePrimary());
  const std::string_view symbol = AtSymbol("-") ? "negative" : AtSymbol("+") ? "positive" : "~";
  Advance();
  if (symbol == "negative" && Peek().kind == TokenKind::kNumber) {
    // The least BIGINT has no positive twin, so the sign belongs to the number.
    ExprPtr number = ParseNumber(true);
    number->where = where;
    return ParsePostfix(std::move(number));
  }
  if (!Enter()) {
    Leave();
    return Bad(where);
  }
  ExprPtr operand = ParseUnary();
  Leave();
  return CallOf(symbol, where, std::move(operand));
}

}  // namespace millrace::sql
