using System.Globalization;
using System.Text;
using Harness.Binary;

namespace Harness.Toolchain;

/// <summary>
/// Inserts split checks into assembly as LLVM writes it for ELF. A function that is to be split gets
/// <code>
///     f:
///         .cfi_startproc
///         .cfi_remember_state                # the rows of a function just entered: CFA = rsp + 8
///         lea  rsp, [rsp - FRAME]            # only frames of 256 bytes and more; CFA = rsp + 8 + FRAME
///         cmp  rsp, fs:[LIMIT]
///         lea  rsp, [rsp + FRAME]            # CFA = rsp + 8
///         jbe  cold
///     resume:
///         …                                  # as the compiler wrote it
///     cold:
///         .cfi_restore_state
///         push SIZES                         # CFA = rsp + 16
///         call hs_morestack_thunk            # takes the pushed word off the stack: CFA = rsp + 8
///         ret                                # the call's return address R
///         jmp  resume                        # R + 1: where morestack enters, on the new segment
///         .size f, …
/// </code>
/// It changes flags and nothing else, stays inside the function's symbol and debug information, and counts as its opening line.
/// The sizes come from the assembled object (<see cref="InlineCheckPlan"/>); <see cref="InlineCheckAudit"/> looks at the result.
/// </summary>
public static class SplitAssembly
{
    /// <summary>Far above what any unit comes to.</summary>
    public const int MaxCharacters = 512 << 20;

    /// <param name="checks">By name in the symbol table. Functions without an entry stay as they are.</param>
    /// <exception cref="InvalidDataException">Not assembly as LLVM prints it.</exception>
    public static string Insert(string text, IReadOnlyDictionary<string, InlineCheck> checks, LimitSlot slot, InjectionDefect defect = InjectionDefect.None)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(checks);
        ArgumentNullException.ThrowIfNull(slot);
        return text.Length <= MaxCharacters
            ? new Writer(text, checks, defect is InjectionDefect.InlineLimit ? LimitSlot.Glibc : slot, defect).Run()
            : throw new InvalidDataException(
                $"the assembly has {text.Length} characters, which exceeds the maximum of {MaxCharacters}");
    }

    private enum Place
    {
        Outside,

        /// <summary>Behind a function's label.</summary>
        Entered,

        /// <summary>Behind its <c>.cfi_startproc</c>, where nothing has been emitted yet.</summary>
        Opened,

        Body,
    }

    /// <summary>One pass over the lines; what is not a check is copied as it is.</summary>
    private sealed class Writer(string text, IReadOnlyDictionary<string, InlineCheck> checks, LimitSlot slot, InjectionDefect defect)
    {
        private readonly StringBuilder _output = new(text.Length + (text.Length / 16));
        private Place _place;
        private bool _intel;
        private string? _announced;
        private string _function = "";
        private InlineCheck _check;
        private int _number = -1;
        private int _remembered;
        private string? _openingLine;
        private string? _file;

        public string Run()
        {
            for (var at = 0; at < text.Length;)
            {
                var end = text.IndexOf('\n', at);
                end = end < 0 ? text.Length : end + 1;
                Follow(text.AsSpan(at, end - at));
                at = end;
            }

            return _place is Place.Outside ? _output.ToString() : throw Bad("does not end");
        }

        private void Follow(ReadOnlySpan<char> line)
        {
            var trimmed = line.Trim();
            var isLabel = line.Length > 0 && !char.IsWhiteSpace(line[0]) && trimmed.EndsWith(':');
            if (_place is Place.Outside)
            {
                _output.Append(line);
                FollowOutside(trimmed, isLabel);
                return;
            }

            if (trimmed.StartsWith(".Lfunc_end") || Is(trimmed, ".size"))
            {
                Close();
            }
            else if (isLabel && trimmed[..^1].SequenceEqual(_announced) || Is(trimmed, ".type") || Is(trimmed, ".section"))
            {
                throw Bad("does not end before the next begins");
            }
            else if (_place is Place.Opened && !trimmed.IsEmpty && trimmed[0] != '#' && !IsSilent(trimmed))
            {
                Open();
            }

            _output.Append(line);
            FollowDirective(trimmed);
        }

        private void FollowOutside(ReadOnlySpan<char> line, bool isLabel)
        {
            FollowDirective(line);
            if (Is(line, ".type") && line.EndsWith(",@function"))
            {
                _announced = line[".type".Length..^",@function".Length].Trim().ToString();
            }
            else if (isLabel && line[..^1].SequenceEqual(_announced) && checks.TryGetValue(Unquote(_announced!), out _check))
            {
                (_place, _function, _openingLine, _remembered) = (Place.Entered, _announced!, null, 0);
                _number++;
            }
        }

        private void FollowDirective(ReadOnlySpan<char> line)
        {
            if (Is(line, ".loc"))
            {
                var fields = line.ToString().Split([' ', '\t'], 5, StringSplitOptions.RemoveEmptyEntries);
                _file = fields.Length > 2 ? fields[1] : _file;
                _openingLine ??= _place is Place.Entered or Place.Opened ? string.Join(' ', fields.Take(4)) : null;
            }
            else if (Is(line, ".intel_syntax") || Is(line, ".att_syntax"))
            {
                _intel = line.StartsWith(".intel");
            }
            else if (Is(line, ".cfi_startproc") && _place is Place.Entered)
            {
                Write("\t.cfi_remember_state\n");
                _place = Place.Opened;
            }
            else if (Is(line, ".cfi_remember_state"))
            {
                _remembered++;
            }
            else if (Is(line, ".cfi_restore_state"))
            {
                _remembered--;
            }
        }

        private void Open()
        {
            var address = slot.Variable is { } variable ? variable + "@TPOFF" : Number(slot.Displacement);
            Switch(toIntel: true);
            Frame("-", 8 + _check.FrameBytes);
            Write($"\tcmp\trsp, qword ptr fs:[{address}]\n");
            Frame("+", 8);
            Write($"\tjbe\t.Lhs_cold{_number}\n");
            Switch(toIntel: false);
            Write($".Lhs_resume{_number}:\n");
            _place = Place.Body;
        }

        private void Frame(string sign, long cfaOffset)
        {
            if (_check.ComparesFrame)
            {
                Write($"\tlea\trsp, [rsp {sign} {_check.FrameBytes}]\n\t.cfi_def_cfa_offset {cfaOffset}\n");
            }
        }

        private void Close()
        {
            if (_place is not Place.Body)
            {
                throw Bad(_place is Place.Entered ? "has no call frame information" : "has no instructions");
            }

            if (_remembered != 0)
            {
                throw Bad("does not restore the call frame rows that it remembers");
            }

            Write($".Lhs_cold{_number}:\n\t.cfi_restore_state\n");
            if ((_openingLine ?? (_file is null ? null : $".loc {_file} 0 0")) is { } location)
            {
                Write($"\t{location}\n");
            }

            Switch(toIntel: true);
            Write($"\tpush\t{_check.Sizes}\n\t.cfi_def_cfa_offset {(defect is InjectionDefect.InlineRows ? 8 : 16)}\n");
            Write("\tcall\ths_morestack_thunk@PLT\n\t.cfi_def_cfa_offset 8\n");
            Write($"\tret\n\tjmp\t.Lhs_resume{_number}\n");
            Switch(toIntel: false);
            _place = Place.Outside;
        }

        /// <summary>What is inserted is Intel's syntax, whatever is around it.</summary>
        private void Switch(bool toIntel)
        {
            if (!_intel)
            {
                Write(toIntel ? "\t.intel_syntax noprefix\n" : "\t.att_syntax\n");
            }
        }

        private void Write(FormattableString line) => _output.Append(line.ToString(CultureInfo.InvariantCulture));

        private void Write(string line) => _output.Append(line);

        private InvalidDataException Bad(string what) =>
            new($"function {(_function.Length <= 200 ? _function : _function[..200] + "…")} of the assembly {what}");
    }

    /// <summary>Neither code nor a place in it.</summary>
    private static bool IsSilent(ReadOnlySpan<char> line) => line.StartsWith(".cfi_") || Is(line, ".loc") || Is(line, ".file");

    private static bool Is(ReadOnlySpan<char> line, string directive) =>
        line.StartsWith(directive, StringComparison.Ordinal)
        && (line.Length == directive.Length || char.IsWhiteSpace(line[directive.Length]));

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Names with other characters stand in quotes, in which LLVM escapes quotes and line ends.</summary>
    private static string Unquote(string name) => name.Length >= 2 && name[0] == '"' && name[^1] == '"'
        ? name[1..^1].Replace("\\\"", "\"", StringComparison.Ordinal).Replace("\\n", "\n", StringComparison.Ordinal)
        : name;
}
