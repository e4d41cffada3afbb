// What stands in FROM: sources with watermark and alias, joins, lateral views.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sql/syntax_parser.h"

namespace millrace::sql {

// Whether a name follows that is an alias and not the next clause. Quoted names always are.
bool SyntaxParser::AtAlias() const {
  static constexpr std::array<std::string_view, 40> kNoAliases = {
      "FROM",      "WHERE",   "GROUP", "HAVING",  "ORDER", "LIMIT", "OFFSET",     "UNION",
      "INTERSECT", "EXCEPT",  "MINUS", "JOIN",    "LEFT",  "RIGHT", "FULL",       "INNER",
      "CROSS",     "NATURAL", "SEMI",  "ANTI",    "ON",    "USING", "LATERAL",    "WATERMARK",
      "WINDOW",    "SORT",    "AND",   "CLUSTER", "OR",    "NOT",   "DISTRIBUTE", "TABLESAMPLE",
      "PIVOT",     "UNPIVOT", "IN",    "BETWEEN", "LIKE",  "IS",    "AS",         "ASOF"};
  if (Peek().kind == TokenKind::kQuotedWord) return true;
  return AtName() &&
         std::ranges::none_of(kNoAliases, [&](std::string_view word) { return AtWord(word); });
}

std::vector<std::string> SyntaxParser::ParseQualifiedName(std::string_view what) {
  std::vector<std::string> parts;
  parts.push_back(ExpectName(what));
  while (AcceptSymbol(".")) parts.push_back(ExpectName("a name"));
  return parts;
}

void SyntaxParser::ParseFrom(ast::Select& select) {
  const size_t started = at_;
  ExpectWord("FROM");
  select.has_from = true;
  select.from = ParseSource();
  while (!lost_ && ParseJoin(select)) {
  }
  while (AtWord("LATERAL") && AtWord("VIEW", 1)) ParseLateralView(select);
  if (AtSymbol(",")) {
    Refuse(Peek().where, "UNSUPPORTED_FEATURE.CROSS_JOIN",
           "several sources separated by commas (a cross join) are not supported",
           "write LEFT JOIN ... ON the key of a table or reference");
  }
  if (AtWord("PIVOT") || AtWord("UNPIVOT") || AtWord("TABLESAMPLE")) {
    Refuse(Peek().where, "UNSUPPORTED_FEATURE." + Peek().text,
           fmt::format("{} is not supported", Peek().text), {});
  }
  Recover(started, false);
}

ast::Source SyntaxParser::ParseSource() {
  ast::Source source;
  source.where = Peek().where;
  if (AtSymbol("(")) {
    Advance();
    source.query = ParseQueryBody();
    ExpectSymbol(")");
  } else if (AtWord("VALUES")) {
    source.query = std::make_unique<ast::Query>();
    source.query->where = source.where;
    source.query->terms.push_back(ParseTerm());
  } else {
    ParseNamedSource(source);
  }
  ParseSourceTail(source);
  return source;
}

void SyntaxParser::ParseNamedSource(ast::Source& source) {
  constexpr std::string_view kWhat = "a topic, table or reference";
  if (AtWord("STREAM") && AtSymbol("(", 1)) {
    source.stream = true;
    Advance();
    ExpectSymbol("(");
    source.name = ParseQualifiedName(kWhat);
    ExpectSymbol(")");
    return;
  }
  if (AtWord("STREAM") && AtName(1) && !AtWord("WATERMARK", 1) && !AtWord("WHERE", 1)) {
    source.stream = true;
    Advance();
  }
  source.name = ParseQualifiedName(kWhat);
  if (AtSymbol("(")) {
    Refuse(source.where, "UNSUPPORTED_FEATURE.TABLE_VALUED_FUNCTION",
           fmt::format("{}(...) in FROM is not supported", source.name.back()),
           "use LATERAL VIEW explode(...)");
  }
}

void SyntaxParser::ParseSourceTail(ast::Source& source) {
  if (AtWord("WATERMARK")) ParseWatermark(source);
  if (AcceptWord("AS") || AtAlias()) {
    source.alias = ExpectName("an alias");
    if (AtSymbol("(")) source.column_aliases = ParseNameList();
  }
  if (AtWord("WATERMARK") && !source.watermark) ParseWatermark(source);
}

void SyntaxParser::ParseWatermark(ast::Source& source) {
  ExpectWord("WATERMARK");
  source.watermark = std::make_unique<ast::Watermark>();
  source.watermark->expr = ParseExpression();
  if (AcceptWord("AS")) source.watermark->alias = ExpectName("an alias");
  ExpectWord("DELAY");
  ExpectWord("OF");
  const Location where = Peek().where;
  if (!AtWord("INTERVAL")) return Fail("INTERVAL");
  const ast::ExprPtr delay = ParseInterval();
  if (lost_) return;
  if (delay->type.kind() != data::TypeKind::kIntervalDayTime || delay->literal.integer() < 0) {
    return Refuse(where, "INVALID_TYPED_LITERAL",
                  "a watermark's delay is a time of at least zero, without months",
                  "write for instance INTERVAL 30 SECONDS");
  }
  source.watermark->delay_us = delay->literal.integer();
}

bool SyntaxParser::RefuseJoinKind() {
  static constexpr std::array<std::string_view, 7> kKinds = {"RIGHT", "FULL", "CROSS", "NATURAL",
                                                             "SEMI",  "ANTI", "ASOF"};
  for (const std::string_view kind : kKinds) {
    const bool behind_left = AtWord("LEFT") && AtWord(kind, 1);
    if (!behind_left && !(AtWord(kind) && (AtName(1)))) continue;
    Refuse(Peek().where, "UNSUPPORTED_FEATURE.JOIN_TYPE",
           fmt::format("{} JOIN is not supported; LEFT JOIN and INNER JOIN are", kind),
           "look a row up with LEFT JOIN ... ON the key of a table or reference");
    return true;
  }
  return false;
}

// Parses one JOIN; false when none follows.
bool SyntaxParser::ParseJoin(ast::Select& select) {
  if (RefuseJoinKind()) return false;
  ast::Join join;
  join.where = Peek().where;
  if (AtWord("LEFT")) {
    Advance();
    AcceptWord("OUTER");
    join.left = true;
  } else if (AtWord("INNER")) {
    Advance();
  } else if (!AtWord("JOIN")) {
    return false;
  }
  ExpectWord("JOIN");
  if (AtWord("LATERAL")) {
    Refuse(Peek().where, "UNSUPPORTED_FEATURE.LATERAL_JOIN", "JOIN LATERAL is not supported",
           "use LATERAL VIEW explode(...)");
  }
  join.right = ParseSource();
  if (AcceptWord("USING")) {
    join.using_columns = ParseNameList();
  } else {
    ExpectWord("ON");
    join.on = ParseExpression();
  }
  select.joins.push_back(std::move(join));
  return true;
}

void SyntaxParser::ParseLateralView(ast::Select& select) {
  ast::LateralView view;
  view.where = Peek().where;
  AcceptWords({"LATERAL", "VIEW"});
  view.outer = AcceptWord("OUTER");
  view.generator = ParseExpression();
  if (AtAlias() || (AtName() && !AtWord("AS") && !AtWord("LATERAL"))) {
    if (!AtClauseStart()) view.alias = ExpectName("an alias");
  }
  if (AcceptWord("AS")) {
    do {
      view.column_aliases.push_back(ExpectName("a column name"));
    } while (AcceptSymbol(","));
  }
  select.lateral_views.push_back(std::move(view));
}

}  // namespace millrace::sql
