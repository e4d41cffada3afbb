// Queries: WITH, UNION, SELECT and its clauses, VALUES, ORDER BY, LIMIT, OFFSET.
#include <array>

#include <fmt/format.h>

#include "sql/syntax_parser.h"

namespace millrace::sql {
namespace {

using ast::ExprPtr;

}  // namespace

ast::QueryPtr SyntaxParser::ParseStatement() {
  if (!AtQueryStart() && !AtSymbol("(") && !AtWord("FROM")) {
    Fail("SELECT, WITH or VALUES");
    return nullptr;
  }
  ast::QueryPtr query = ParseQueryBody();
  ExpectEnd();
  return query;
}

ExprPtr SyntaxParser::ParseOnlyExpression() {
  ExprPtr expr = ParseExpression();
  ExpectEnd();
  return expr;
}

ast::QueryPtr SyntaxParser::ParseQueryBody() {
  auto query = std::make_unique<ast::Query>();
  query->where = Peek().where;
  if (Enter()) {
    if (AtWord("WITH")) ParseWith(*query);
    ParseTerms(*query);
    ParseTail(*query);
  }
  Leave();
  return query;
}

void SyntaxParser::ParseWith(ast::Query& query) {
  ExpectWord("WITH");
  if (AtWord("RECURSIVE") && AtName(1)) {
    Refuse(Peek().where, "UNSUPPORTED_FEATURE.RECURSIVE_CTE", "WITH RECURSIVE is not supported",
           {});
  }
  do {
    ast::CommonTable table;
    table.where = Peek().where;
    table.name = ExpectName("a name");
    if (AtSymbol("(")) table.column_aliases = ParseNameList();
    AcceptWord("AS");
    const size_t started = at_;
    if (ExpectSymbol("(")) {
      table.query = ParseQueryBody();
      ExpectSymbol(")");
    }
    if (lost_) {
      Recover(started, true);
      return;
    }
    query.with.push_back(std::move(table));
  } while (AcceptSymbol(","));
}

void SyntaxParser::ParseTerms(ast::Query& query) {
  query.terms.push_back(ParseTerm());
  while (AtWord("UNION") || AtWord("INTERSECT") || AtWord("EXCEPT") || AtWord("MINUS")) {
    if (!AtWord("UNION")) {
      Refuse(Peek().where, "UNSUPPORTED_FEATURE.SET_OPERATION",
             fmt::format("{} is not supported; only UNION is", Peek().text),
             "filter with WHERE, or use a LEFT JOIN");
      return;
    }
    Advance();
    const bool all = AcceptWord("ALL");
    if (!all) AcceptWord("DISTINCT");
    query.distinct_before.push_back(!all);
    query.terms.push_back(ParseTerm());
  }
}

ast::Term SyntaxParser::ParseTerm() {
  ast::Term term;
  term.where = Peek().where;
  if (AcceptSymbol("(")) {
    term.nested = ParseQueryBody();
    ExpectSymbol(")");
  } else if (AtWord("VALUES")) {
    Advance();
    term.values = ParseValuesRows();
  } else if (AtWord("SELECT")) {
    term.select = ParseSelect();
  } else {
    Fail("SELECT or VALUES");
  }
  return term;
}

std::vector<std::vector<ExprPtr>> SyntaxParser::ParseValuesRows() {
  std::vector<std::vector<ExprPtr>> rows;
  do {
    std::vector<ExprPtr> row;
    if (AcceptSymbol("(")) {
      do {
        row.push_back(ParseExpression());
      } while (AcceptSymbol(","));
      ExpectSymbol(")");
    } else {
      row.push_back(ParseExpression());
    }
    rows.push_back(std::move(row));
  } while (AcceptSymbol(","));
  return rows;
}

std::unique_ptr<ast::Select> SyntaxParser::ParseSelect() {
  auto select = std::make_unique<ast::Select>();
  ExpectWord("SELECT");
  select->distinct = AcceptWord("DISTINCT");
  if (!select->distinct) AcceptWord("ALL");
  ParseSelectItems(*select);
  if (AtWord("FROM")) ParseFrom(*select);
  ParseSelectClauses(*select);
  return select;
}

void SyntaxParser::ParseSelectItems(ast::Select& select) {
  do {
    const size_t started = at_;
    select.items.push_back(ParseSelectItem());
    if (!lost_ && !AtSymbol(",") && !AtSymbol(")") && !AtSymbol(";") && !AtClauseStart() &&
        !AtWord("LATERAL") && Peek().kind != TokenKind::kEnd) {
      Fail("',' or FROM");
    }
    Recover(started, true);
  } while (AcceptSymbol(","));
}

ast::SelectItem SyntaxParser::ParseSelectItem() {
  ast::SelectItem item;
  item.expr = ParseExpression();
  if (AcceptWord("AS")) {
    if (AtSymbol("(")) {
      item.aliases = ParseNameList();
    } else {
      item.aliases.push_back(ExpectName("an alias"));
    }
  } else if (AtAlias()) {
    item.aliases.push_back(ExpectName("an alias"));
  }
  return item;
}

std::vector<std::string> SyntaxParser::ParseNameList() {
  std::vector<std::string> names;
  ExpectSymbol("(");
  do {
    names.push_back(ExpectName("a name"));
  } while (AcceptSymbol(","));
  ExpectSymbol(")");
  return names;
}

void SyntaxParser::ParseSelectClauses(ast::Select& select) {
  const auto clause = [&](ExprPtr& target) {
    const size_t started = at_;
    target = ParseExpression();
    Recover(started, false);
  };
  if (AcceptWord("WHERE")) clause(select.where);
  if (AtWord("GROUP") && AtWord("BY", 1)) ParseGroupBy(select);
  if (AcceptWord("HAVING")) clause(select.having);
  if (AtWord("WINDOW") && AtName(1)) {
    Refuse(Peek().where, "UNSUPPORTED_FEATURE.WINDOW_FUNCTION",
           "window functions (OVER ...) are not supported yet",
           "GROUP BY window(...) aggregates over time");
  }
}

void SyntaxParser::ParseGroupBy(ast::Select& select) {
  const size_t started = at_;
  AcceptWords({"GROUP", "BY"});
  const bool several =
      (AtWord("ROLLUP") || AtWord("CUBE")) ? AtSymbol("(", 1) : AtWords({"GROUPING", "SETS"});
  if (several || AtWord("ALL")) {
    Refuse(Peek().where, "UNSUPPORTED_FEATURE.GROUPING",
           fmt::format("GROUP BY {} is not supported", Peek().text),
           "name the expressions to group by");
  }
  do {
    select.group_by.push_back(ParseExpression());
  } while (AcceptSymbol(","));
  if (AtWords({"WITH", "ROLLUP"}) || AtWords({"WITH", "CUBE"})) {
    Refuse(Peek().where, "UNSUPPORTED_FEATURE.GROUPING",
           fmt::format("GROUP BY ... WITH {} is not supported", Peek(1).text),
           "name the expressions to group by");
  }
  Recover(started, false);
}

void SyntaxParser::ParseTail(ast::Query& query) {
  if (AtWords({"ORDER", "BY"})) ParseOrderBy(query);
  if (AtWords({"SORT", "BY"}) || AtWords({"CLUSTER", "BY"}) || AtWords({"DISTRIBUTE", "BY"})) {
    Refuse(Peek().where, "UNSUPPORTED_FEATURE.PARTITIONED_SORT",
           fmt::format("{} BY orders rows within a worker, which has no meaning here", Peek().text),
           "use ORDER BY");
    return;
  }
  if (AcceptWord("LIMIT") && !AcceptWord("ALL")) query.limit = ParseExpression();
  if (AcceptWord("OFFSET")) query.offset = ParseExpression();
}

void SyntaxParser::ParseOrderBy(ast::Query& query) {
  const size_t started = at_;
  AcceptWords({"ORDER", "BY"});
  do {
    ast::OrderItem item;
    item.expr = ParseExpression();
    item.ascending = !AcceptWord("DESC");
    if (item.ascending) AcceptWord("ASC");
    item.nulls_first = item.ascending;
    if (AcceptWords({"NULLS", "FIRST"})) item.nulls_first = true;
    if (AcceptWords({"NULLS", "LAST"})) item.nulls_first = false;
    query.order_by.push_back(std::move(item));
  } while (AcceptSymbol(","));
  Recover(started, false);
}

ParsedQuery ParseQuery(std::string_view text) {
  SyntaxParser parser(text);
  ParsedQuery parsed;
  parsed.query = parser.ParseStatement();
  parsed.errors = parser.TakeErrors();
  return parsed;
}

ParsedExpression ParseExpression(std::string_view text) {
  SyntaxParser parser(text);
  ParsedExpression parsed;
  parsed.expr = parser.ParseOnlyExpression();
  parsed.errors = parser.TakeErrors();
  return parsed;
}

}  // namespace millrace::sql
