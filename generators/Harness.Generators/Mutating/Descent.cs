using System.Globalization;
using Harness.Generators.Mutating;
using Harness.Model;

namespace Harness.Generators;

/// <summary>
/// A program by its descent: one that was generated, and the seeds of the changes since. Its text, <c>1f3a~30~default~9c</c> (the seed in hexadecimal, the
/// size, the profile, the changes' seeds), is all that is needed to make it again.
/// </summary>
public sealed record Descent(ulong Seed, int Size, string Profile, EquatableArray<ulong> Changes)
{
    /// <summary>Longer ones are not changed further.</summary>
    public const int MaxChanges = 6;

    private const int MaxSize = 1_000;
    private const char Separator = '~';

    /// <exception cref="FormatException">The text is no descent.</exception>
    public static Descent Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var words = text.Split(Separator);
        if (words.Length is < 3 or > 3 + MaxChanges || !IsHex(words[0], out var seed)
            || !int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var size) || size > MaxSize)
        {
            throw new FormatException($"'{text}' does not say how a program came to be");
        }

        Generators.Profile.Parse(words[2]);
        return new Descent(
            seed, size, words[2],
            words[3..].Select(word => IsHex(word, out var change) ? change : throw new FormatException($"'{word}' is no seed of a change")).ToEquatableArray());
    }

    public Descent Changed(ulong seed) => this with { Changes = [.. Changes, seed] };

    public FiberProgram Make() =>
        Changes.Aggregate(ProgramGenerator.Generate(Seed, Size, Generators.Profile.Parse(Profile)), ProgramMutator.Mutate);

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Seed:x}{Separator}{Size}{Separator}{Profile}{string.Concat(Changes.Select(change => $"{Separator}{change:x}"))}");

    private static bool IsHex(string text, out ulong value) => ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
}

/// <summary>The profile of a program that is a change of one that was kept: <c>mutant:</c> and the kept one's descent. The change's seed is the recipe's.</summary>
public static class MutantProfile
{
    private const string Prefix = "mutant:";

    public static string Of(string descent) => Prefix + descent;

    /// <summary>Null: it is a profile of another kind.</summary>
    /// <exception cref="FormatException">What it names is no descent.</exception>
    public static Descent? ParentOf(string profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        return profile.StartsWith(Prefix, StringComparison.Ordinal) ? Descent.Parse(profile[Prefix.Length..]) : null;
    }
}
