#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "meta/migration.h"
#include "meta/sqlite.h"

namespace millrace::meta {
namespace {

class MetaTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "meta_test.XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path() const { return folder_ + "/meta.db"; }
  std::unique_ptr<SqliteDatabase> Open() {
    auto opened = SqliteDatabase::Open(Path(), {});
    EXPECT_TRUE(opened.has_value()) << opened.error().ToString();
    return std::move(*opened);
  }
  static Status Insert(Database& db, int64_t n) {
    return db.Write([&](Session& session) -> Status {
      MR_TRY(session.Execute("INSERT INTO t (n) VALUES ($1)", {n}));
      return {};
    });
  }
  static int64_t Count(Database& db) {
    int64_t count = -1;
    const Status read = db.Read([&](Session& session) -> Status {
      MR_ASSIGN(const auto rows, QueryAll(session, "SELECT count(*) FROM t", {}, 1));
      count = rows[0][0].AsInteger();
      return {};
    });
    EXPECT_TRUE(read.has_value()) << read.error().ToString();
    return count;
  }

  const std::vector<Migration> kSteps = {
      {1, "make t", {"CREATE TABLE t (n BIGINT NOT NULL PRIMARY KEY)"}},
      {2, "name it", {"ALTER TABLE t ADD COLUMN name TEXT", "CREATE INDEX t_name ON t (name)"}}};
  std::string folder_;
};

TEST_F(MetaTest, MigratesFromEachVersionOnce) {
  for (size_t from = 0; from <= kSteps.size(); ++from) {
    std::filesystem::remove_all(folder_ + "/meta.db");
    auto db = Open();
    const std::vector<Migration> old(kSteps.begin(), kSteps.begin() + static_cast<ptrdiff_t>(from));
    ASSERT_TRUE(Migrate(*db, "c", old, TimestampUs(1)).has_value());
    EXPECT_EQ(SchemaVersion(*db, "c").value(), static_cast<int64_t>(from));
    ASSERT_TRUE(Migrate(*db, "c", kSteps, TimestampUs(2)).has_value());
    ASSERT_TRUE(Migrate(*db, "c", kSteps, TimestampUs(3)).has_value());
    EXPECT_EQ(SchemaVersion(*db, "c").value(), 2);
    EXPECT_TRUE(Insert(*db, 1).has_value());
    db.reset();
    std::filesystem::remove(folder_ + "/meta.db-wal");
    std::filesystem::remove(folder_ + "/meta.db-shm");
  }
}

TEST_F(MetaTest, RefusesNewerAndEditedSteps) {
  auto db = Open();
  ASSERT_TRUE(Migrate(*db, "c", kSteps, TimestampUs(1)).has_value());
  const auto newer = Migrate(*db, "c", {kSteps[0]}, TimestampUs(2));
  ASSERT_FALSE(newer.has_value());
  EXPECT_EQ(newer.error().code, ErrorCode::kUnsupported);
  auto edited = kSteps;
  edited[1].sqlite_statements[0] += " ";
  const auto conflict = Migrate(*db, "c", edited, TimestampUs(2));
  ASSERT_FALSE(conflict.has_value());
  EXPECT_EQ(conflict.error().code, ErrorCode::kConflict);
}

TEST_F(MetaTest, AFailedStepLeavesNothing) {
  auto db = Open();
  auto steps = kSteps;
  steps[1].sqlite_statements[1] = "CREATE INDEX t_name ON t (no_such_column)";
  ASSERT_FALSE(Migrate(*db, "c", steps, TimestampUs(1)).has_value());
  EXPECT_EQ(SchemaVersion(*db, "c").value(), 1);
  ASSERT_TRUE(Migrate(*db, "c", kSteps, TimestampUs(2)).has_value());
}

TEST_F(MetaTest, AFailedBodyLeavesNothing) {
  auto db = Open();
  ASSERT_TRUE(Migrate(*db, "c", kSteps, TimestampUs(1)).has_value());
  const auto failed = db->Write([&](Session& session) -> Status {
    MR_TRY(session.Execute("INSERT INTO t (n) VALUES ($1)", {1}));
    MR_TRY(session.Execute("INSERT INTO t (n) VALUES ($1)", {1}));  // the key is there
    return {};
  });
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(Count(*db), 0);
  EXPECT_TRUE(Insert(*db, 2).has_value());
  EXPECT_FALSE(db->Read([&](Session& session) -> Status {
                   MR_TRY(session.Execute("DELETE FROM t", {}));
                   return {};
                 }).has_value());
  EXPECT_EQ(Count(*db), 1);
}

TEST_F(MetaTest, SyncsEveryCommit) {
  auto db = Open();
  const auto setting = [&](const char* pragma) {
    Row row;
    EXPECT_TRUE(db->Write([&](Session& session) -> Status {
                    MR_ASSIGN(const auto rows, QueryAll(session, pragma, {}, 1));
                    row = rows[0];
                    return {};
                  }).has_value());
    return row[0];
  };
  EXPECT_EQ(setting("PRAGMA synchronous").AsInteger(), 2);  // FULL
  EXPECT_EQ(setting("PRAGMA journal_mode").AsText(), "wal");
}

TEST_F(MetaTest, ValuesReadBackAsTheyWere) {
  auto db = Open();
  const std::string text("nul\0 inside, \xf0\x9f\x9a\x82", 17);
  Row row;
  ASSERT_TRUE(db->Write([&](Session& session) -> Status {
                  MR_ASSIGN(const auto rows, QueryAll(session, "SELECT $1, $2, $3, $4",
                                                      {text, INT64_MIN, 0.5, Value()}, 1));
                  row = rows[0];
                  return {};
                }).has_value());
  EXPECT_EQ(row[0].AsText(), text);
  EXPECT_EQ(row[1].AsInteger(), INT64_MIN);
  EXPECT_EQ(row[2].AsReal(), 0.5);
  EXPECT_TRUE(row[3].IsNull());
}

TEST_F(MetaTest, WaitsForALockAndThenSaysSo) {
  auto first = Open();
  ASSERT_TRUE(Migrate(*first, "c", kSteps, TimestampUs(1)).has_value());
  auto second = SqliteDatabase::Open(Path(), {std::chrono::milliseconds(20), false}).value();
  ASSERT_TRUE(first
                  ->Write([&](Session& session) -> Status {
                    MR_TRY(session.Execute("INSERT INTO t (n) VALUES ($1)", {1}));
                    const Status refused = Insert(*second, 2);
                    EXPECT_FALSE(refused.has_value());
                    EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
                    return {};
                  })
                  .has_value());
  EXPECT_TRUE(Insert(*second, 2).has_value());
  EXPECT_EQ(Count(*first), 2);
}

TEST_F(MetaTest, RotatesBackupsWhileInUse) {
  auto db = Open();
  ASSERT_TRUE(Migrate(*db, "c", kSteps, TimestampUs(1)).has_value());
  for (int64_t n = 1; n <= 4; ++n) {
    ASSERT_TRUE(Insert(*db, n).has_value());
    ASSERT_TRUE(db->RotateBackup(3).has_value());
  }
  for (int number = 1; number <= 3; ++number) {
    auto copy = SqliteDatabase::Open(fmt::format("{}.backup.{}", Path(), number), {}).value();
    EXPECT_EQ(Count(*copy), 5 - number);
  }
  EXPECT_FALSE(std::filesystem::exists(Path() + ".backup.4"));
}

TEST_F(MetaTest, DamageIsFoundAtTheStart) {
  auto db = Open();
  ASSERT_TRUE(Migrate(*db, "c", kSteps, TimestampUs(1)).has_value());
  for (int64_t n = 0; n < 5000; ++n) ASSERT_TRUE(n % 500 != 0 || Insert(*db, n).has_value());
  db.reset();
  {
    std::fstream file(Path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    for (int i = 0; i < 8192; ++i) file.put('\x5a');
  }
  const auto opened = SqliteDatabase::Open(Path(), {});
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kDamaged);
  EXPECT_NE(opened.error().hint.find(".backup.1"), std::string::npos);
}

}  // namespace
}  // namespace millrace::meta
