#include "connect/cassandra_select.h"

#include "base/hash.h"
#include "cql/wire/notation.h"
#include "store/cql_value.h"
#include "store/key.h"

namespace millrace::connect {
namespace {

using store::ColumnKind;
using store::ColumnSchema;
using store::QuoteIdentifier;

class SelectBuilder {
 public:
  SelectBuilder(const store::Table& table, const store::ScanRequest& request)
      : table_(table), request_(request) {}

  Result<CassandraSelect> Build() {
    MR_TRY(AddColumns());
    if (request_.partition) {
      MR_TRY(AddPartition());
      MR_TRY(AddClustering());
    } else {
      AddTokens();
    }
    select_.text = fmt::format(
        "SELECT {} FROM {}.{}{}{}{}", list_, QuoteIdentifier(table_.schema.keyspace),
        QuoteIdentifier(table_.schema.name), where_.empty() ? "" : " WHERE ", where_, OrderBy());
    return std::move(select_);
  }

 private:
  Result<size_t> ColumnOf(std::string_view name) const {
    const int at = table_.sql.IndexOf(name);
    if (at >= 0) return static_cast<size_t>(at);
    return Fail(ErrorCode::kNotFound, "table {}: has no column {}", table_.schema.FullName(), name);
  }

  void AddOutput(const std::string& name, const std::string& expression,
                 const data::DataType& type) {
    list_ += (list_.empty() ? "" : ", ") + expression;
    select_.columns.fields.emplace_back(name, type);
  }

  Status AddColumns() {
    std::vector<std::string> names = request_.columns;
    if (names.empty()) {
      for (const ColumnSchema& column : table_.schema.columns) names.push_back(column.name);
    }
    for (const std::string& name : names) {
      MR_ASSIGN(const size_t at, ColumnOf(name));
      const std::string& stored = table_.schema.columns[at].name;
      AddOutput(stored, QuoteIdentifier(stored), *table_.sql.fields[at].type);
    }
    for (const std::string& name : request_.write_times) {
      MR_ASSIGN(const size_t at, ColumnOf(name));
      const std::string& stored = table_.schema.columns[at].name;
      AddOutput(fmt::format("writetime({})", stored),
                fmt::format("WRITETIME({})", QuoteIdentifier(stored)), data::DataType::Bigint());
    }
    for (const std::string& name : request_.ttls) {
      MR_ASSIGN(const size_t at, ColumnOf(name));
      const std::string& stored = table_.schema.columns[at].name;
      AddOutput(fmt::format("ttl({})", stored), fmt::format("TTL({})", QuoteIdentifier(stored)),
                data::DataType::Int());
    }
    return {};
  }

  // `column OP ?`, and the value. Returns its serialised form.
  Result<std::string> AddCondition(size_t column, std::string_view op, const data::Value& value) {
    std::string bytes;
    MR_TRY(store::AppendCqlValue(*table_.sql.fields[column].type, value,
                                 table_.schema.columns[column].type, bytes));
    where_ += fmt::format("{}{} {} ?", where_.empty() ? "" : " AND ",
                          QuoteIdentifier(table_.schema.columns[column].name), op);
    cql::wire::AppendBytes(select_.values, bytes);
    ++select_.value_count;
    return bytes;
  }

  Status AddPartition() {
    std::string key;
    for (size_t i = 0; i < request_.partition->size(); ++i) {
      MR_ASSIGN(std::string part, AddCondition(i, "=", (*request_.partition)[i]));
      if (table_.partition_count() == 1) {
        if (part.empty())
          return Fail(ErrorCode::kInvalidArgument, "Cassandra has no empty partition key");
        key = std::move(part);
      } else if (!store::AppendCompositePart(part, key)) {
        return Fail(ErrorCode::kInvalidArgument, "a key column holds at most 65535 bytes");
      }
    }
    select_.token = CassandraToken(key);
    return {};
  }

  Status AddClustering() {
    const store::ClusteringRange& range = request_.clustering;
    size_t column = table_.partition_count();
    for (const data::Value& value : range.equal) MR_TRY(AddCondition(column++, "=", value));
    if (range.lower) {
      MR_TRY(AddCondition(column, range.lower->inclusive ? ">=" : ">", range.lower->value));
    }
    if (range.upper) {
      MR_TRY(AddCondition(column, range.upper->inclusive ? "<=" : "<", range.upper->value));
    }
    return {};
  }

  void AddTokens() {
    std::string names;
    for (size_t i = 0; i < table_.partition_count(); ++i)
      names += (i == 0 ? "" : ", ") + QuoteIdentifier(table_.schema.columns[i].name);
    const auto add = [&](std::string_view op, int64_t token) {
      where_ += fmt::format("{}token({}) {} {}", where_.empty() ? "" : " AND ", names, op, token);
    };
    if (request_.token_after != INT64_MIN) add(">", request_.token_after);
    if (request_.token_to != INT64_MAX) add("<=", request_.token_to);
  }

  std::string OrderBy() const {
    if (!request_.reversed || !request_.partition || table_.clustering_count() == 0) return "";
    std::string order;
    for (size_t i = table_.partition_count(); i < table_.key_count(); ++i) {
      const ColumnSchema& column = table_.schema.columns[i];
      order += fmt::format("{}{} {}", order.empty() ? " ORDER BY " : ", ",
                           QuoteIdentifier(column.name), column.descending ? "ASC" : "DESC");
    }
    return order;
  }

  const store::Table& table_;
  const store::ScanRequest& request_;
  CassandraSelect select_;
  std::string list_;
  std::string where_;
};

}  // namespace

Result<CassandraSelect> SelectOf(const store::Table& table, const store::ScanRequest& request) {
  return SelectBuilder(table, request).Build();
}

Result<data::Batch> BatchOf(const CassandraSelect& select,
                            const std::vector<data::Value::List>& rows) {
  data::Batch batch{std::make_shared<const data::Schema>(select.columns), {}, rows.size()};
  std::vector<data::Value> values(rows.size());
  for (size_t column = 0; column < select.columns.fields.size(); ++column) {
    for (size_t row = 0; row < rows.size(); ++row) {
      if (rows[row].size() != select.columns.fields.size())
        return Fail(ErrorCode::kDamaged, "an answer has {} columns, wanted {}", rows[row].size(),
                    select.columns.fields.size());
      values[row] = rows[row][column];
    }
    batch.columns.push_back(data::ColumnFromValues(*select.columns.fields[column].type, values));
  }
  return batch;
}

}  // namespace millrace::connect
