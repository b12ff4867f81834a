namespace Harness.Binary.StackUse;

/// <summary>Functions by the names that people give.</summary>
internal static class EntryNames
{
    /// <exception cref="InvalidDataException">The file has no function of a name.</exception>
    public static List<CodeFunction> Of(CodeImage image, IReadOnlyCollection<string> names)
    {
        var result = new List<CodeFunction>();
        foreach (var name in names)
        {
            // Callers reach a function through its thunk.
            var addresses = image.Named(ThunkCode.SymbolPrefix + name) is { Count: > 0 } thunks ? thunks : image.Named(name);
            if (addresses.Count == 0)
            {
                var close = image.Functions.Where(f => f.Name.Contains(name, StringComparison.OrdinalIgnoreCase)).Take(3).Select(f => f.Name).ToList();
                throw image.File.Bad($"has no function {name}{(close.Count > 0 ? "; did you mean " + string.Join(", ", close) : "")}");
            }

            result.AddRange(addresses.Select(address => image.Containing(address)!));
        }

        return result;
    }

    /// <summary>Of an object what others can call, or all of it; of a linked file where the system or libc enters it.</summary>
    /// <exception cref="InvalidDataException">There is none.</exception>
    public static List<CodeFunction> Default(CodeImage image)
    {
        const string main = "main";
        var isObject = image.File.Kind is ElfKind.Relocatable;
        var functions = image.Functions.Where(f => isObject ? f.Object == 0
            : f.Start == image.File.EntryPoint || f.Name == main || f.Name.EndsWith("." + main, StringComparison.Ordinal)).ToList();
        if (functions.Count == 0 && !isObject)
        {
            throw image.File.Bad("has neither an entry point nor a main; name a function with --entry");
        }

        return functions.Count > 0 ? functions : [.. image.Functions];
    }
}
