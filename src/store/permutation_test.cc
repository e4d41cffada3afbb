// DESIGN invariant 5: a table's content depends only on the set of its writes. Random writes of all
// kinds go in, in any order, some twice, with flushes, compactions and restarts in between; what
// is read must be what a plain model makes of the set.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <gtest/gtest.h>

#include "io/sim_file_system.h"
#include "store/store_testing.h"

namespace millrace::store {
namespace {

using data::Value;
using RowId = std::tuple<int, int, std::string>;  // p, c1, c2

constexpr int64_t kSecond = 1000000;

TableSchema Schema() {
  TableSchema schema{.keyspace = "k", .name = "t"};
  const CqlType text(CqlKind::kText);
  const CqlType number(CqlKind::kInt);
  schema.columns = {
      {.name = "p", .type = number, .kind = ColumnKind::kPartitionKey},
      {.name = "c1", .type = number, .kind = ColumnKind::kClustering},
      {.name = "c2", .type = text, .kind = ColumnKind::kClustering, .descending = true},
      {.name = "s", .type = text, .kind = ColumnKind::kStatic},
      {.name = "v1", .type = text},
      {.name = "v2", .type = number},
      {.name = "tags", .type = CqlType::Set(text)},
      {.name = "m", .type = CqlType::Map(text, number)},
      {.name = "l", .type = CqlType::List(number)},
  };
  return schema;
}

// --- The model: every write of every place, resolved by the rules as they are written down.

struct Write {
  int64_t time;
  bool tombstone;
  int64_t expiry_s;  // INT64_MAX: never
  std::string value;
  // Greater wins: later; tombstone; expiring; later expiry; greater value.
  auto Rank() const {
    const bool expiring = expiry_s != INT64_MAX;
    return std::make_tuple(time, tombstone, expiring, expiring ? expiry_s : 0, value);
  }
};

struct Model {
  struct Place {
    RowId row;  // of static cells: c1 = -1
    std::string column;
    std::string path;
    auto operator<=>(const Place&) const = default;
  };
  std::map<Place, std::vector<Write>> cells;  // column "": the row itself
  std::map<Place, int64_t> collection_deletes;
  std::map<RowId, int64_t> row_deletes;
  struct RangeDelete {
    int p;
    ClusteringRange range;
    int64_t time;
  };
  std::vector<RangeDelete> range_deletes;
  std::map<int, int64_t> partition_deletes;

  int64_t DeletedAt(const RowId& row) const {
    const auto& [p, c1, c2] = row;
    int64_t time = INT64_MIN;
    if (const auto at = partition_deletes.find(p); at != partition_deletes.end()) time = at->second;
    if (c1 < 0) return time;
    if (const auto at = row_deletes.find(row); at != row_deletes.end())
      time = std::max(time, at->second);
    for (const auto& deleted : range_deletes)
      if (deleted.p == p && Covers(deleted.range, c1, c2)) time = std::max(time, deleted.time);
    return time;
  }

  static bool Covers(const ClusteringRange& range, int c1, const std::string& c2) {
    const auto within = [&](auto value, auto get) {
      if (range.lower && (value < get(range.lower->value) ||
                          (value == get(range.lower->value) && !range.lower->inclusive)))
        return false;
      return !(range.upper && (value > get(range.upper->value) ||
                               (value == get(range.upper->value) && !range.upper->inclusive)));
    };
    if (range.equal.empty())
      return within(int64_t{c1}, [](const Value& value) { return value.integer(); });
    if (range.equal[0].integer() != c1) return false;
    return within(c2, [](const Value& value) { return value.string(); });
  }

  // The value that holds at `now_s`, if any.
  const Write* Live(const Place& place, const std::vector<Write>& writes, int64_t now_s) const {
    const Write& newest =
        *std::max_element(writes.begin(), writes.end(),
                          [](const Write& a, const Write& b) { return a.Rank() < b.Rank(); });
    if (newest.tombstone || newest.expiry_s <= now_s || newest.time <= DeletedAt(place.row))
      return nullptr;
    const auto collection = collection_deletes.find({place.row, place.column, ""});
    const bool dropped = collection != collection_deletes.end() && !place.path.empty() &&
                         newest.time <= collection->second;
    return dropped ? nullptr : &newest;
  }

  void Take(const Mutation& mutation);
  void TakeCell(const RowId& row, const CellChange& change, const Mutation& mutation,
                int64_t expiry);
  // Rows as text, sorted.
  std::vector<std::string> Rows(int64_t now_s) const;
};

RowId StaticOf(const RowId& row) { return {std::get<0>(row), -1, ""}; }

void Model::TakeCell(const RowId& row, const CellChange& change, const Mutation& mutation,
                     int64_t expiry) {
  const int64_t time = mutation.write_us;
  const RowId at = change.column == "s" ? StaticOf(row) : row;
  const bool null = change.value.is_null();
  const auto put = [&](const std::string& path, const std::string& value, bool tombstone) {
    cells[{at, change.column, path}].push_back(
        {time, tombstone, tombstone ? INT64_MAX : expiry, value});
  };
  if (change.column == "v1" || change.column == "s")
    return put("", null ? "" : change.value.string(), null);
  if (change.column == "v2")
    return put("", null ? "" : fmt::format("{:03}", change.value.integer()), null);
  if (change.action == CellChange::Action::kSet) {
    int64_t& deleted =
        collection_deletes.try_emplace({at, change.column, ""}, INT64_MIN).first->second;
    deleted = std::max(deleted, null ? time : time - 1);
  }
  if (null) return;
  const bool removed = change.action == CellChange::Action::kRemove;
  if (change.column == "m" && !removed) {
    for (const auto& [key, value] : change.value.pairs())
      put("m" + key.string(), fmt::format("{:03}", value.integer()), false);
    return;
  }
  for (size_t i = 0; i < change.value.list().size(); ++i) {
    const Value& item = change.value.list()[i];
    if (change.column == "l") {
      put(fmt::format("{:020}/{:04}", time, i), fmt::format("{:03}", item.integer()), false);
    } else {
      put("m" + item.string(), "", removed);
    }
  }
}

void Model::Take(const Mutation& mutation) {
  const auto p = static_cast<int>(mutation.key[0].integer());
  const int64_t time = mutation.write_us;
  if (mutation.kind == Mutation::Kind::kDeletePartition) {
    int64_t& deleted = partition_deletes.try_emplace(p, INT64_MIN).first->second;
    deleted = std::max(deleted, time);
    return;
  }
  if (mutation.kind == Mutation::Kind::kDeleteRange) {
    range_deletes.push_back({p, mutation.range, time});
    return;
  }
  RowId row{p, -1, ""};
  if (mutation.key.size() > 1)
    row = {p, static_cast<int>(mutation.key[1].integer()), mutation.key[2].string()};
  if (mutation.kind == Mutation::Kind::kDeleteRow) {
    int64_t& deleted = row_deletes.try_emplace(row, INT64_MIN).first->second;
    deleted = std::max(deleted, time);
    return;
  }
  const int32_t ttl = mutation.ttl_s.value_or(0);
  const int64_t expiry = ttl == 0 ? INT64_MAX : time / kSecond + ttl;
  if (mutation.kind == Mutation::Kind::kInsert)
    cells[{row, "", ""}].push_back({time, false, expiry, ""});
  for (const CellChange& change : mutation.cells) TakeCell(row, change, mutation, expiry);
}

std::vector<std::string> Model::Rows(int64_t now_s) const {
  std::map<RowId, std::map<std::string, std::string>> rows;
  for (const auto& [place, writes] : cells) {
    const Write* live = Live(place, writes, now_s);
    if (live == nullptr) continue;
    std::string& text = rows[place.row][place.column];
    const std::string element = place.column == "tags" ? place.path.substr(1)
                                : place.column == "m"  ? place.path.substr(1) + "=" + live->value
                                                       : live->value;
    text += (text.empty() ? "" : ",") + element;
    if (place.column == "v1") text += fmt::format("@{}", live->time);
  }
  std::vector<std::string> shown;
  const auto show = [&](const RowId& row, std::map<std::string, std::string> columns,
                        const std::string& key) {
    const auto fixed = rows.find(StaticOf(row));
    const std::string s = fixed == rows.end() ? "" : fixed->second.at("s");
    shown.push_back(fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", std::get<0>(row), key, s, columns["v1"],
                                columns["v2"], columns["tags"], columns["m"], columns["l"]));
  };
  std::set<int> with_rows;
  for (const auto& [row, columns] : rows) {
    if (std::get<1>(row) < 0) continue;
    with_rows.insert(std::get<0>(row));
    show(row, columns, fmt::format("{}/{}", std::get<1>(row), std::get<2>(row)));
  }
  for (const auto& [row, columns] : rows)
    if (std::get<1>(row) < 0 && !with_rows.contains(std::get<0>(row))) show(row, {}, "");
  std::sort(shown.begin(), shown.end());
  return shown;
}

// --- The store, shown the same way.

std::string Shown(const Value& value) {
  if (value.is_null()) return "";
  return fmt::format("{:03}", value.integer());
}

std::string ListShown(const Value& value, bool numbers) {
  std::string text;
  if (value.is_null()) return text;
  for (const Value& item : value.list())
    text += (text.empty() ? "" : ",") + (numbers ? Shown(item) : item.string());
  return text;
}

std::string MapShown(const Value& value) {
  std::string text;
  if (value.is_null()) return text;
  for (const auto& [key, held] : value.pairs())
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", key.string(), Shown(held));
  return text;
}

std::vector<std::string> RowsOf(Store& store, const TableHandle& table, int64_t now_s,
                                size_t page_rows) {
  std::vector<std::string> shown;
  ScanRequest request{
      .write_times = {"v1"}, .rows_max = page_rows, .now = TimestampUs(now_s * kSecond)};
  do {
    const auto page = store.Scan(table, request);
    if (!page) {
      ADD_FAILURE() << page.error().ToString();
      return shown;
    }
    for (size_t i = 0; i < page->rows.rows; ++i) {
      const auto at = [&](size_t column) { return page->rows.columns[column]->ValueAt(i); };
      const std::string key =
          at(1).is_null() ? "" : fmt::format("{}/{}", at(1).integer(), at(2).string());
      const std::string v1 =
          at(4).is_null() ? "" : fmt::format("{}@{}", at(4).string(), at(9).integer());
      shown.push_back(fmt::format(
          "{}|{}|{}|{}|{}|{}|{}|{}", at(0).integer(), key, at(3).is_null() ? "" : at(3).string(),
          v1, Shown(at(5)), ListShown(at(6), false), MapShown(at(7)), ListShown(at(8), true)));
    }
    request.paging_state = page->paging_state;
  } while (!request.paging_state.empty());
  std::sort(shown.begin(), shown.end());
  return shown;
}

// --- Random writes over a few keys and times, so that they meet.

class Writes {
 public:
  Writes(uint64_t seed, TableHandle table) : random_(seed), table_(std::move(table)) {}
  uint64_t Below(uint64_t bound) { return random_.Next() % bound; }

  Mutation Next() {
    Mutation mutation;
    mutation.table = table_;
    mutation.write_us =
        static_cast<int64_t>(1 + Below(12)) * kSecond + static_cast<int64_t>(Below(2));
    mutation.key = {Value::Int(static_cast<int64_t>(Below(2)))};
    const uint64_t kind = Below(20);
    if (kind == 0) {
      mutation.kind = Mutation::Kind::kDeletePartition;
    } else if (kind < 4) {
      mutation.kind = Mutation::Kind::kDeleteRange;
      mutation.range = Range();
    } else {
      AddRowKey(mutation);
      mutation.kind = kind < 6    ? Mutation::Kind::kDeleteRow
                      : kind < 14 ? Mutation::Kind::kInsert
                                  : Mutation::Kind::kUpdate;
      if (kind >= 6) AddCells(mutation);
    }
    return mutation;
  }

 private:
  Value Text() { return Value::String(std::string(1, static_cast<char>('a' + Below(3)))); }
  Value Number() { return Value::Int(static_cast<int64_t>(Below(4))); }

  void AddRowKey(Mutation& mutation) {
    mutation.key.push_back(Number());
    mutation.key.push_back(Text());
  }

  ClusteringRange Range() {
    ClusteringRange range;
    const bool inner = Below(2) == 0;
    if (inner) range.equal.push_back(Number());
    const auto bound = [&]() -> std::optional<ClusteringRange::Bound> {
      if (Below(3) == 0) return std::nullopt;
      return ClusteringRange::Bound{inner ? Text() : Number(), Below(2) == 0};
    };
    range.lower = bound();
    range.upper = bound();
    return range;
  }

  Value Texts() {
    Value::List items{Text()};
    if (Below(2) == 0) items.push_back(Text());
    return Value::ListOf(std::move(items));
  }

  void AddCells(Mutation& mutation) {
    if (Below(3) == 0) mutation.ttl_s = static_cast<int32_t>(1 + Below(20));
    const auto set = [&](const char* name, Value value) {
      if (Below(2) == 0) return;
      mutation.cells.push_back({name, Below(5) == 0 ? Value::Null() : std::move(value)});
    };
    set("s", Text());
    set("v1", Text());
    set("v2", Number());
    const auto collection = [&](const char* name, Value value, Value keys) {
      switch (Below(5)) {
        case 0:
          mutation.cells.push_back({name, std::move(value)});
          break;
        case 1:
          mutation.cells.push_back({name, std::move(value), CellChange::Action::kAdd});
          break;
        case 2:
          if (!keys.is_null())
            mutation.cells.push_back({name, std::move(keys), CellChange::Action::kRemove});
          break;
        case 3:
          mutation.cells.push_back({name, Value::Null()});
          break;
        default:
          break;
      }
    };
    collection("tags", Texts(), Texts());
    collection("m", Value::MapOf({{Text(), Number()}}), Texts());
    collection("l", Value::ListOf({Number(), Number()}), Value::Null());
    if (mutation.cells.empty()) mutation.cells.push_back({"v2", Number()});
  }

  io::SeededRandom random_;
  TableHandle table_;
};

class Permutation : public testing::TestWithParam<uint64_t> {
 protected:
  std::unique_ptr<Store> Open() {
    StoreOptions options;
    options.file_system = &files_;
    options.clock = &clock_;
    options.fatal = [](const Error& error) { ADD_FAILURE() << error.ToString(); };
    return OpenStore("/store", std::move(options));
  }

  // Applies `order` with care of all sorts in between.
  void ApplyAll(std::unique_ptr<Store>& store, const std::vector<Mutation>& order, Writes& random) {
    for (const Mutation& mutation : order) {
      const Status applied = store->Apply(std::span(&mutation, 1));
      ASSERT_TRUE(applied) << applied.error().ToString();
      switch (random.Below(24)) {
        case 0:
          ASSERT_TRUE(store->Flush());
          break;
        case 1:
          ASSERT_TRUE(store->CompactAll());
          break;
        case 2:
          ASSERT_TRUE(store->Flush());
          store.reset();
          store = Open();
          break;
        default:
          break;
      }
    }
  }

  io::SimFileSystem files_{1};
  io::VirtualClock clock_{TimestampUs(5 * kSecond)};
};

TEST_P(Permutation, OfAnySetOfWritesGivesTheSameRows) {
  auto store = Open();
  ASSERT_TRUE(store->CreateKeyspace({.name = "k"}, true));
  const auto table = store->EnsureTable(Schema());
  ASSERT_TRUE(table) << table.error().ToString();
  Writes writes(GetParam(), *table);
  Model model;
  std::vector<Mutation> order;
  for (int i = 0; i < 60; ++i) {
    order.push_back(writes.Next());
    model.Take(order.back());
    if (writes.Below(3) == 0) order.push_back(order[writes.Below(order.size())]);  // replayed
  }
  for (size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[writes.Below(i + 1)]);
  ASSERT_NO_FATAL_FAILURE(ApplyAll(store, order, writes));
  for (int64_t now_s : {0, 4, 9, 20, 40}) {
    EXPECT_EQ(RowsOf(*store, *table, now_s, 3), model.Rows(now_s)) << "at " << now_s;
  }
  // Long after gc_grace everything that is gone is thrown away; what is read stays the same.
  const int64_t late_s = 864000 + 100;
  clock_.Set(TimestampUs(late_s * kSecond));
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(store->CompactAll());
    EXPECT_EQ(RowsOf(*store, *table, late_s, 1000), model.Rows(late_s)) << "after purge " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Permutation, testing::Range<uint64_t>(1, 41));

}  // namespace
}  // namespace millrace::store
