/* Names of functions. dladdr knows only what a module exports; kernels are static, so that the
 * module's own symbol table is read. */
#include <algorithm>
#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <map>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "device.h"

namespace pretend {

struct Symbol { size_t begin, bytes; std::string name; };
struct Module { std::vector<Symbol> symbols; };

static std::string demangled(const char *mangled)
{
    int status;
    char *text = abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
    std::string name = text ? text : mangled;
    free(text);
    static const std::string nameless = "(anonymous namespace)::";
    for (size_t at; (at = name.find(nameless)) != name.npos;) name.erase(at, nameless.size());
    int depth = 0;                           /* of <> */
    size_t begin = 0, i = 0;
    for (; i < name.size(); i++) {
        if (name[i] == '<') depth++;
        else if (name[i] == '>') depth--;
        else if (depth == 0 && name[i] == '(') break;
        else if (depth == 0 && name[i] == ' ') begin = i + 1;     /* behind the result's type */
    }
    return name.substr(begin, i - begin);
}

static void read_symbols(const char *file, size_t size, Module &module)
{
    const auto *head = (const Elf64_Ehdr *)file;
    if (size < sizeof *head || memcmp(head->e_ident, ELFMAG, SELFMAG) ||
        head->e_shoff + head->e_shnum * sizeof(Elf64_Shdr) > size) return;
    const auto *sections = (const Elf64_Shdr *)(file + head->e_shoff);
    for (int s = 0; s < head->e_shnum; s++) {
        const Elf64_Shdr &table = sections[s];
        if (table.sh_type != SHT_SYMTAB) continue;
        const char *names = file + sections[table.sh_link].sh_offset;
        const auto *symbols = (const Elf64_Sym *)(file + table.sh_offset);
        for (size_t i = 0; i < table.sh_size / sizeof *symbols; i++)
            if (ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC && symbols[i].st_size > 0)
                module.symbols.push_back({ symbols[i].st_value, symbols[i].st_size,
                                           names + symbols[i].st_name });
    }
    std::sort(module.symbols.begin(), module.symbols.end(),
              [](const Symbol &a, const Symbol &b) { return a.begin < b.begin; });
}

static Module &module_of(const Dl_info &info)
{
    static auto &modules = lasting<std::map<const void *, Module>>();
    const auto found = modules.find(info.dli_fbase);
    if (found != modules.end()) return found->second;
    Module &module = modules[info.dli_fbase];
    int file = open(info.dli_fname, O_RDONLY | O_CLOEXEC);
    if (file < 0) file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (file >= 0 && fstat(file, &about) == 0 && about.st_size > 0) {
        void *map = mmap(nullptr, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        if (map != MAP_FAILED) {
            read_symbols((const char *)map, (size_t)about.st_size, module);
            munmap(map, (size_t)about.st_size);
        }
    }
    if (file >= 0) close(file);
    return module;
}

std::string symbol_of(const void *address, size_t *offset)
{
    Dl_info info;
    size_t unused;
    if (!offset) offset = &unused;
    *offset = (size_t)address;
    if (!address || !dladdr(address, &info)) return "nowhere";
    const auto &symbols = module_of(info).symbols;
    const size_t at = (size_t)address - (size_t)info.dli_fbase;
    auto next = std::upper_bound(symbols.begin(), symbols.end(), at,
                                 [](size_t a, const Symbol &s) { return a < s.begin; });
    if (next != symbols.begin() && at - (next - 1)->begin < (next - 1)->bytes) {
        *offset = at - (next - 1)->begin;
        return demangled((next - 1)->name.c_str());
    }
    *offset = (size_t)address - (size_t)info.dli_saddr;
    return info.dli_sname ? demangled(info.dli_sname) : "a function without a name";
}

} // namespace pretend
