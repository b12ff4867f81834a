using Harness.Model;
using Harness.Toolchain;

namespace Harness.Binary.Tests;

/// <summary>What the routes cannot make safe is refused, and says why.</summary>
public sealed class UnsupportedCodeTests : IDisposable
{
    private readonly string _scratch = Directory.CreateTempSubdirectory("unsupported-").FullName;

    public void Dispose() => Directory.Delete(_scratch, recursive: true);

    /// <summary>LLVM's code for it calls libgcc's allocator of heap memory, whatever the prologue does.</summary>
    [ZigFact(Timeout = 300_000)]
    public async Task Stack_of_a_size_that_is_known_at_run_time_only_is_refused()
    {
        var path = Path.Combine(_scratch, "dynamic.ll");
        await File.WriteAllTextAsync(path, """
            source_filename = "dynamic"
            target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
            target triple = "x86_64-unknown-linux-gnu"
            declare void @use(ptr)
            define void @dynamic(i64 %n) #0 {
              %p = alloca i8, i64 %n
              call void @use(ptr %p)
              ret void
            }
            attributes #0 = { nounwind "frame-pointer"="all" }
            """);
        var request = new InjectionRequest(path, Route.Attribute, OptimizeMode.ReleaseFast, LimitSlot.Glibc);
        var refused = Assert.IsType<InjectionOutcome.Refused>(
            await new FileInjector(Tools.Fixtures, Tools.Cache).InjectAsync(request, Directory.CreateDirectory(Path.Combine(_scratch, "injection")).FullName, CancellationToken.None));
        Assert.Contains("known at run time only (alloca); take it from the heap", refused.Reason.Split('\n')[0], StringComparison.Ordinal);
    }

    /// <summary>The limit and the thread's record are at places that the executable's link fixes.</summary>
    [ZigFact(Timeout = 300_000)]
    public async Task The_runtime_is_refused_in_a_shared_library()
    {
        var stubs = new RuntimeRecipe([.. RuntimeRecipe.Standard.Parts.Where(part => part.Name == "morestack")]);
        var objects = await Tools.Cache.RuntimeAsync(stubs, Cell.LinuxGnu, CancellationToken.None);
        var compiler = await Tools.Cache.CompilerAsync(CancellationToken.None);
        var result = await compiler.CompileAsync(
            ["build-lib", "-dynamic", "-target", Cell.LinuxGnu, "-fno-compiler-rt", "-fno-ubsan-rt", .. objects, "-femit-bin=" + Path.Combine(_scratch, "lib.so")], _scratch, TimeSpan.FromMinutes(2), CancellationToken.None);
        Assert.Contains(
            "relocation R_X86_64_TPOFF32 against hs_thread cannot be used with -shared", Assert.IsType<ZigResult.Diagnosed>(result).Diagnostics, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("__morestack_allocate_stack_space", "known at run time only")]
    [InlineData("__morestack_addr", "compiled for the large code model")]
    public void What_LLVMs_checks_call_and_the_runtime_does_not_have_is_named(string symbol, string problem)
    {
        var rewriter = new ObjectRewriter(ElfFile.Parse(new ObjectBuilder().ToArray(), "test.o"));
        rewriter.AddUndefinedSymbol(symbol);
        var error = Assert.Throws<InvalidDataException>(() => SplitCheckAudit.Run(ElfFile.Parse(rewriter.Write(), "test.o"), new Dictionary<string, UnsplitReason>()));
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }
}
