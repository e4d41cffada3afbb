// RunMemTable against RocksDB's own skip list: the same writes to two column families, the same
// answers to every kind of read.
#include "store/run_memtable.h"

#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/merge_operator.h>

namespace millrace::store {
namespace {

// Joins operands, so that the order in which versions of a key are found matters.
class Joining final : public rocksdb::AssociativeMergeOperator {
 public:
  bool Merge(const rocksdb::Slice&, const rocksdb::Slice* before, const rocksdb::Slice& operand,
             std::string* joined, rocksdb::Logger*) const override {
    *joined =
        before != nullptr ? before->ToString() + "," + operand.ToString() : operand.ToString();
    return true;
  }
  const char* Name() const override { return "joining"; }
};

class RunMemTableTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) / "run_memtable_test";
    std::filesystem::remove_all(folder_);
    rocksdb::DBOptions options;
    options.create_if_missing = true;
    options.create_missing_column_families = true;
    rocksdb::ColumnFamilyOptions lists;
    lists.merge_operator = std::make_shared<Joining>();
    rocksdb::ColumnFamilyOptions runs = lists;
    runs.memtable_factory = NewRunMemTableFactory();
    rocksdb::DB* db = nullptr;
    const auto opened = rocksdb::DB::Open(
        options, folder_, {{rocksdb::kDefaultColumnFamilyName, lists}, {"runs", runs}}, &families_,
        &db);
    ASSERT_TRUE(opened.ok()) << opened.ToString();
    db_.reset(db);
  }
  void TearDown() override {
    for (rocksdb::ColumnFamilyHandle* family : families_) db_->DestroyColumnFamilyHandle(family);
    db_.reset();
    std::filesystem::remove_all(folder_);
  }

  rocksdb::ColumnFamilyHandle* lists() { return families_[0]; }
  rocksdb::ColumnFamilyHandle* runs() { return families_[1]; }

  // Short keys and keys with a long common beginning; few of them, so that versions meet.
  std::string RandomKey() {
    const std::string number = std::to_string(random_() % 300);
    switch (random_() % 3) {
      case 0:
        return number.substr(0, 1 + random_() % number.size());
      case 1:
        return "the same eight bytes and more " + number;
      default:
        return std::string(random_() % 9, '\0') + number;
    }
  }

  void WriteBatch() {
    rocksdb::WriteBatch batch;
    std::vector<std::string> keys(1 + random_() % 20);
    for (std::string& key : keys) key = RandomKey();
    if (random_() % 2 == 0) std::sort(keys.begin(), keys.end());
    for (const std::string& key : keys) {
      const std::string value = std::to_string(written_++);
      const uint64_t kind = random_() % 4;
      for (rocksdb::ColumnFamilyHandle* family : families_) {
        if (kind == 0) {
          batch.Put(family, key, value);
        } else if (kind == 1) {
          batch.Delete(family, key);
        } else {
          batch.Merge(family, key, value);
        }
      }
    }
    ASSERT_TRUE(db_->Write({}, &batch).ok());
  }

  void CompareGets(const rocksdb::ReadOptions& options) {
    for (int i = 0; i < 20; ++i) {
      const std::string key = RandomKey();
      std::string expected;
      std::string got;
      const auto status = db_->Get(options, lists(), key, &expected);
      ASSERT_EQ(status.ToString(), db_->Get(options, runs(), key, &got).ToString());
      ASSERT_EQ(expected, got) << key;
    }
  }

  // Walks two iterators to and fro by the same random steps.
  void CompareWalks(const rocksdb::ReadOptions& options) {
    std::unique_ptr<rocksdb::Iterator> a(db_->NewIterator(options, lists()));
    std::unique_ptr<rocksdb::Iterator> b(db_->NewIterator(options, runs()));
    const auto both = [&](auto step) {
      step(*a);
      step(*b);
    };
    for (int i = 0; i < 60; ++i) {
      const std::string key = RandomKey();
      const uint64_t kind = a->Valid() ? random_() % 12 : random_() % 4;
      if (kind == 0) both([&](auto& at) { at.Seek(key); });
      if (kind == 1) both([&](auto& at) { at.SeekForPrev(key); });
      if (kind == 2) both([&](auto& at) { at.SeekToFirst(); });
      if (kind == 3) both([&](auto& at) { at.SeekToLast(); });
      if (kind >= 4 && kind < 8) both([&](auto& at) { at.Next(); });
      if (kind >= 8) both([&](auto& at) { at.Prev(); });
      ASSERT_EQ(a->Valid(), b->Valid());
      if (!a->Valid()) continue;
      ASSERT_EQ(a->key().ToString(), b->key().ToString());
      ASSERT_EQ(a->value().ToString(), b->value().ToString());
    }
  }

  std::mt19937_64 random_{20260301};
  int written_ = 0;
  std::filesystem::path folder_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
};

TEST_F(RunMemTableTest, AnswersAsASkipListDoes) {
  const rocksdb::Snapshot* snapshot = db_->GetSnapshot();
  for (int round = 0; round < 400; ++round) {
    const uint64_t batches = random_() % 5;
    for (uint64_t i = 0; i < batches; ++i) WriteBatch();
    rocksdb::ReadOptions options;
    if (random_() % 3 == 0) options.snapshot = snapshot;
    CompareGets(options);
    CompareWalks(options);
    if (round % 7 == 0) {
      db_->ReleaseSnapshot(snapshot);
      snapshot = db_->GetSnapshot();
    }
    const bool flush = round % 60 == 59;
    ASSERT_TRUE(!flush || db_->Flush({}, families_).ok());
    if (HasFatalFailure()) break;
  }
  db_->ReleaseSnapshot(snapshot);
}

// Without a single read in between: what is flushed was never put in order before.
TEST_F(RunMemTableTest, FlushesInOrderWhatNobodyHasRead) {
  for (int i = 0; i < 500; ++i) WriteBatch();
  ASSERT_TRUE(db_->Flush({}, families_).ok());
  std::unique_ptr<rocksdb::Iterator> a(db_->NewIterator({}, lists()));
  std::unique_ptr<rocksdb::Iterator> b(db_->NewIterator({}, runs()));
  a->SeekToFirst();
  for (b->SeekToFirst(); b->Valid(); b->Next(), a->Next()) {
    ASSERT_TRUE(a->Valid());
    ASSERT_EQ(a->key().ToString(), b->key().ToString());
    ASSERT_EQ(a->value().ToString(), b->value().ToString());
  }
  EXPECT_FALSE(a->Valid());
}

// An iterator stays as it was made, whatever is written behind its back.
TEST_F(RunMemTableTest, AnIteratorDoesNotSeeLaterWrites) {
  for (int i = 0; i < 30; ++i) WriteBatch();
  std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}, runs()));
  std::vector<std::string> before;
  for (at->SeekToFirst(); at->Valid(); at->Next()) before.push_back(at->value().ToString());
  for (int i = 0; i < 30; ++i) WriteBatch();
  std::unique_ptr<rocksdb::Iterator> later(db_->NewIterator({}, runs()));
  later->SeekToFirst();
  std::vector<std::string> again;
  for (at->SeekToFirst(); at->Valid(); at->Next()) again.push_back(at->value().ToString());
  EXPECT_EQ(before, again);
}

// Readers find every row that a writer has told them of, while three writers go on.
TEST_F(RunMemTableTest, ReadersSeeWhatWasWritten) {
  constexpr int kWriters = 3;
  constexpr int kRows = 4000;
  std::atomic<int> done[kWriters] = {};
  std::vector<std::thread> threads;
  const auto key = [](int writer, int row) {
    return std::to_string(row * 7919 % kRows) + "." + std::to_string(writer);
  };
  for (int writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      for (int row = 0; row < kRows; ++row) {
        if (!db_->Put({}, runs(), key(writer, row), std::to_string(row)).ok()) return;
        done[writer].store(row + 1, std::memory_order_release);
      }
    });
  }
  std::atomic<int> missing{0};
  std::thread reader([&] {
    std::mt19937 random(7);
    for (int i = 0; i < 20000; ++i) {
      const int writer = static_cast<int>(random() % kWriters);
      const int written = done[writer].load(std::memory_order_acquire);
      if (written == 0) continue;
      const int row = static_cast<int>(random() % static_cast<unsigned>(written));
      std::string value;
      if (!db_->Get({}, runs(), key(writer, row), &value).ok() || value != std::to_string(row))
        ++missing;
    }
  });
  for (std::thread& thread : threads) thread.join();
  reader.join();
  EXPECT_EQ(missing, 0);
  for (int writer = 0; writer < kWriters; ++writer) EXPECT_EQ(done[writer], kRows);
}

}  // namespace
}  // namespace millrace::store
