using Harness.Binary;

namespace Harness.Toolchain.Runtimes;

/// <summary>The little that can be told of an object that somebody else's command made: that something in it calls the runtime's stub.</summary>
internal static class CommandAudit
{
    /// <exception cref="InvalidDataException">Nothing does.</exception>
    public static InjectionReport Run(ElfFile file, string stub)
    {
        var functions = file.Symbols.Count(symbol => symbol.Type is ElfSymbolType.Function && symbol.IsDefined);
        return file.Symbols.Any(symbol => symbol.Name == stub && !symbol.IsDefined)
            ? new InjectionReport(functions, functions, [], 0, 0)
            : throw new InvalidDataException($"the prologue command's object never calls {stub}, so none of its {functions} functions can split");
    }
}
