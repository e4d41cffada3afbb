#include "store/run_memtable.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <vector>

#include "base/bytes.h"

namespace millrace::store {
namespace {

constexpr size_t kCacheLine = 64;
constexpr size_t kTrailerBytes = 8;  // sequence number and type behind a user key

std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// An internal key: the user key and what orders equal ones.
struct InternalKey {
  std::string_view user;
  uint64_t trailer = 0;
};

InternalKey SplitInternal(std::string_view key) {
  const size_t user = key.size() - kTrailerBytes;
  return {key.substr(0, user), LoadLittle<uint64_t>(key.data() + user)};
}

// The internal key at the beginning of a memtable entry: its size as varint, then its bytes.
InternalKey KeyOf(const char* entry) {
  uint32_t size = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<uint8_t>(*entry++);
    size |= static_cast<uint32_t>(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return SplitInternal({entry, size});
}

// The first bytes of a user key as a number of the same order: most comparisons end with it, and
// need no look at the key.
uint64_t PrefixOf(std::string_view user) {
  if (user.size() >= sizeof(uint64_t)) return LoadBig<uint64_t>(user.data());
  char bytes[sizeof(uint64_t)] = {};
  std::memcpy(bytes, user.data(), user.size());
  return LoadBig<uint64_t>(bytes);
}

struct Entry {
  uint64_t prefix;
  const char* at;
};

bool KeyLess(const InternalKey& a, const InternalKey& b) {
  const int order = a.user.compare(b.user);
  return order != 0 ? order < 0 : a.trailer > b.trailer;
}

bool EntryLess(const Entry& a, const Entry& b) {
  if (a.prefix != b.prefix) return a.prefix < b.prefix;
  return KeyLess(KeyOf(a.at), KeyOf(b.at));
}

// A place to search for.
struct Target {
  uint64_t prefix;
  InternalKey key;

  explicit Target(const InternalKey& wanted) : prefix(PrefixOf(wanted.user)), key(wanted) {}
  // Whether an entry comes before it.
  bool IsAfter(const Entry& entry) const {
    if (entry.prefix != prefix) return entry.prefix < prefix;
    return KeyLess(KeyOf(entry.at), key);
  }
};

using Entries = std::vector<Entry>;
using Run = std::shared_ptr<const Entries>;
using Runs = std::vector<Run>;

void MergeInto(const Entry* a, const Entry* a_end, const Entry* b, const Entry* b_end, Entry* to) {
  std::merge(a, a_end, b, b_end, to, EntryLess);
}

Run MergeTwo(const Entries& a, const Entries& b) {
  auto merged = std::make_shared<Entries>(a.size() + b.size());
  MergeInto(a.data(), a.data() + a.size(), b.data(), b.data() + b.size(), merged->data());
  return merged;
}

// Sorts entries that consist of ascending pieces, which begin at `starts`: neighbours are merged
// until one piece is left.
Run SortPieces(Entries entries, std::vector<size_t> starts) {
  Entries other(starts.size() > 1 ? entries.size() : 0);
  while (starts.size() > 1) {
    std::vector<size_t> left;
    for (size_t i = 0; i < starts.size(); i += 2) {
      const auto bound = [&](size_t piece) {
        return entries.data() + (piece < starts.size() ? starts[piece] : entries.size());
      };
      MergeInto(bound(i), bound(i + 1), bound(i + 1), bound(i + 2), other.data() + starts[i]);
      left.push_back(starts[i]);
    }
    entries.swap(other);
    starts.swap(left);
  }
  return std::make_shared<const Entries>(std::move(entries));
}

// Memory for iterators. RocksDB destroys an iterator it asked for with an arena without freeing it,
// and an arena is nothing we can allocate from: so iterators live in places of ours, which their
// destructors give back.
class IteratorPlaces;

class RunIterator final : public rocksdb::MemTableRep::Iterator {
 public:
  RunIterator(Runs runs, std::shared_ptr<IteratorPlaces> places)
      : runs_(std::move(runs)), cursors_(runs_.size()), places_(std::move(places)) {}
  ~RunIterator() override;

  bool Valid() const override { return current_ != nullptr; }
  const char* key() const override { return current_->at; }

  void Next() override {
    if (!forward_) TurnForward();
    ++cursors_[chosen_];
    if (runs_.size() == 1) Prefetch(*runs_[0], cursors_[0] + kAhead);
    ChooseLeast();
  }
  void Prev() override {
    if (forward_) TurnBackward();
    --cursors_[chosen_];
    ChooseGreatest();
  }
  void Seek(const rocksdb::Slice& internal_key, const char* memtable_key) override {
    PlaceAtFirstFrom(TargetOf(internal_key, memtable_key));
    ChooseLeast();
  }
  void SeekForPrev(const rocksdb::Slice& internal_key, const char* memtable_key) override {
    Seek(internal_key, memtable_key);
    const Target target = TargetOf(internal_key, memtable_key);
    if (Valid() && !KeyLess(target.key, KeyOf(current_->at))) return;
    PlaceAtFirstFrom(target);
    ChooseGreatest();
  }
  void SeekToFirst() override {
    std::fill(cursors_.begin(), cursors_.end(), 0);
    ChooseLeast();
  }
  void SeekToLast() override {
    for (size_t i = 0; i < runs_.size(); ++i) cursors_[i] = runs_[i]->size();
    ChooseGreatest();
  }

  static void operator delete(void*) {}  // the destructor has given the place back

 private:
  static Target TargetOf(const rocksdb::Slice& internal_key, const char* memtable_key) {
    return Target(memtable_key != nullptr ? KeyOf(memtable_key)
                                          : SplitInternal(View(internal_key)));
  }

  void PlaceAtFirstFrom(const Target& target) {
    for (size_t i = 0; i < runs_.size(); ++i) {
      const auto first =
          std::partition_point(runs_[i]->begin(), runs_[i]->end(),
                               [&](const Entry& entry) { return target.IsAfter(entry); });
      cursors_[i] = static_cast<size_t>(first - runs_[i]->begin());
    }
  }

  // Entries in order lie anywhere in memory: asked for ahead, they are there when their turn comes.
  static constexpr size_t kAhead = 8;
  static void Prefetch(const Entries& run, size_t number) {
    if (number >= run.size()) return;
    __builtin_prefetch(run[number].at);
    __builtin_prefetch(run[number].at + kCacheLine);
  }

  // Forward, a cursor is the next entry of its run; backward, one behind the next.
  void ChooseLeast() {
    forward_ = true;
    current_ = nullptr;
    for (size_t i = 0; i < runs_.size(); ++i) {
      if (cursors_[i] == runs_[i]->size()) continue;
      const Entry& head = (*runs_[i])[cursors_[i]];
      if (current_ != nullptr && EntryLess(*current_, head)) continue;
      current_ = &head;
      chosen_ = i;
    }
  }
  void ChooseGreatest() {
    forward_ = false;
    current_ = nullptr;
    for (size_t i = 0; i < runs_.size(); ++i) {
      if (cursors_[i] == 0) continue;
      const Entry& head = (*runs_[i])[cursors_[i] - 1];
      if (current_ != nullptr && EntryLess(head, *current_)) continue;
      current_ = &head;
      chosen_ = i;
    }
  }
  void TurnForward() {
    PlaceAtFirstFrom(Target(KeyOf(current_->at)));
    forward_ = true;
  }
  void TurnBackward() {
    PlaceAtFirstFrom(Target(KeyOf(current_->at)));
    ++cursors_[chosen_];
    forward_ = false;
  }

  const Runs runs_;
  std::vector<size_t> cursors_;
  std::shared_ptr<IteratorPlaces> places_;
  const Entry* current_ = nullptr;  // nullptr: not valid
  size_t chosen_ = 0;               // the run that current_ is in
  bool forward_ = true;
};

class IteratorPlaces : public std::enable_shared_from_this<IteratorPlaces> {
 public:
  RunIterator* Make(Runs runs) {
    void* place = nullptr;
    {
      std::lock_guard lock(mutex_);
      if (free_.empty()) {
        places_.push_back(std::make_unique<Place>());
        free_.push_back(places_.back().get());
      }
      place = free_.back();
      free_.pop_back();
    }
    return new (place) RunIterator(std::move(runs), shared_from_this());
  }
  void GiveBack(RunIterator* iterator) {
    std::lock_guard lock(mutex_);
    free_.push_back(reinterpret_cast<Place*>(iterator));
  }

 private:
  struct alignas(RunIterator) Place {
    std::byte bytes[sizeof(RunIterator)];
  };
  std::mutex mutex_;
  std::vector<std::unique_ptr<Place>> places_;
  std::vector<Place*> free_;
};

RunIterator::~RunIterator() { places_->GiveBack(this); }

// Learns what key a LookupKey means, whose declaration is RocksDB's own affair: the base class's
// Get() seeks with it, in this memtable, which holds nothing.
class KeyCatcher final : public rocksdb::MemTableRep {
 public:
  explicit KeyCatcher(const rocksdb::LookupKey& key) : MemTableRep(nullptr) {
    MemTableRep::Get(key, nullptr, nullptr);
  }
  std::string_view internal_key() const { return catching_.internal_key; }

 private:
  struct Catching final : public Iterator {
    bool Valid() const override { return false; }
    const char* key() const override { return nullptr; }
    void Next() override {}
    void Prev() override {}
    void Seek(const rocksdb::Slice& internal, const char*) override {
      internal_key = View(internal);
    }
    void SeekForPrev(const rocksdb::Slice&, const char*) override {}
    void SeekToFirst() override {}
    void SeekToLast() override {}
    std::string_view internal_key;
  };

  void Insert(rocksdb::KeyHandle) override {}
  bool Contains(const char*) const override { return false; }
  size_t ApproximateMemoryUsage() override { return 0; }
  // RocksDB 7.8 does not delete what its Get() asked for (a leak, but for those that override it).
  Iterator* GetIterator(rocksdb::Arena*) override { return &catching_; }

  Catching catching_;
};

class RunMemTable final : public rocksdb::MemTableRep {
 public:
  explicit RunMemTable(rocksdb::Allocator* allocator) : MemTableRep(allocator) {}

  void Insert(rocksdb::KeyHandle handle) override {
    const auto* at = static_cast<const char*>(handle);
    const Entry entry{PrefixOf(KeyOf(at).user), at};
    std::lock_guard lock(mutex_);
    if (arrived_.empty() || EntryLess(entry, arrived_.back())) starts_.push_back(arrived_.size());
    arrived_.push_back(entry);
    entries_.fetch_add(1, std::memory_order_relaxed);
  }
  void InsertConcurrently(rocksdb::KeyHandle handle) override { Insert(handle); }

  // Only RocksDB's own checks ask.
  bool Contains(const char* key) const override {
    const Target target(KeyOf(key));
    for (const Run& run : OrderedRuns()) {
      const auto found = std::partition_point(
          run->begin(), run->end(), [&](const Entry& entry) { return target.IsAfter(entry); });
      if (found != run->end() && !KeyLess(target.key, KeyOf(found->at))) return true;
    }
    return false;
  }

  void MarkReadOnly() override {
    std::lock_guard lock(mutex_);
    read_only_ = true;
  }

  void Get(const rocksdb::LookupKey& key, void* argument,
           bool (*visit)(void* argument, const char* entry)) override {
    const KeyCatcher wanted(key);
    RunIterator* at = places_->Make(OrderedRuns());
    const std::unique_ptr<RunIterator> owner(at);
    const std::string_view internal_key = wanted.internal_key();
    for (at->Seek({internal_key.data(), internal_key.size()}, nullptr);
         at->Valid() && visit(argument, at->key()); at->Next()) {
    }
  }

  Iterator* GetIterator(rocksdb::Arena*) override { return places_->Make(OrderedRuns()); }

  size_t ApproximateMemoryUsage() override {
    return entries_.load(std::memory_order_relaxed) * sizeof(Entry);
  }

 private:
  // Everything inserted so far as runs in order (invariant 3); one, when nothing more will come.
  Runs OrderedRuns() const {
    std::lock_guard lock(mutex_);
    if (!arrived_.empty()) {
      runs_.push_back(SortPieces(std::move(arrived_), std::move(starts_)));
      arrived_ = {};
      starts_ = {};
    }
    const auto last_two_belong_together = [&] {
      if (runs_.size() < 2) return false;
      return read_only_ || runs_[runs_.size() - 2]->size() < 2 * runs_.back()->size();
    };
    while (last_two_belong_together()) {
      Run merged = MergeTwo(*runs_[runs_.size() - 2], *runs_.back());
      runs_.pop_back();
      runs_.back() = std::move(merged);
    }
    return runs_;
  }

  mutable std::mutex mutex_;
  mutable Runs runs_;                   // in order, read before
  mutable Entries arrived_;             // since then, in order of arrival
  mutable std::vector<size_t> starts_;  // of the ascending pieces of arrived_
  bool read_only_ = false;
  std::atomic<size_t> entries_{0};
  std::shared_ptr<IteratorPlaces> places_ = std::make_shared<IteratorPlaces>();
};

class RunMemTableFactory final : public rocksdb::MemTableRepFactory {
 public:
  using MemTableRepFactory::CreateMemTableRep;
  rocksdb::MemTableRep* CreateMemTableRep(const rocksdb::MemTableRep::KeyComparator&,
                                          rocksdb::Allocator* allocator,
                                          const rocksdb::SliceTransform*,
                                          rocksdb::Logger*) override {
    return new RunMemTable(allocator);
  }
  const char* Name() const override { return "millrace.runs"; }
  bool IsInsertConcurrentlySupported() const override { return true; }
};

}  // namespace

std::shared_ptr<rocksdb::MemTableRepFactory> NewRunMemTableFactory() {
  return std::make_shared<RunMemTableFactory>();
}

}  // namespace millrace::store
